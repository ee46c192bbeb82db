"""Measure many requests at once: that all are made, none twice, in fair order, by ticks that stay
as quick as they were.

    python -m benchmarks.load [--requests 500] [--cost 0.2] [--runs 60] [--run-cost 1] [--write]

Two measurements. `alone` has 500 requests go through the real queue, sensor and storage, with
threads in place of runs: what the queue itself does. `processes` has fewer go through everything,
the daemon, the code server and a process of its own for each run, with steps that wait for a fixed
time in place of real ones (`standing_in`): what starting runs adds, and that nothing is lost in it.
"""
