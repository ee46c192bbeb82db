"""Running what reads a person's media in a process of its own, with limits and without secrets.

A decoder is a million lines of C that read bytes of strangers. Where it crashes, hangs or asks for
all memory, that costs the one clip and not the run; and it has none of the run's keys to give away.

    calls        `isolated(function, …)`: run it in a worker, and what its end means
    workers      the workers: taken, watched, ended, used again
    fork_server  the process that workers are forked from; it has loaded the libraries already
    worker       what happens inside a worker
    wire         what goes through the pipe, and what may come back through it
    limits       time, memory and files of a call; the environment of children
    effort       how much of its time a call has used, whatever else the machine does

Belongs here: the processes. Does not belong here: which function reads what (footage, rendering).

Begin with `calls.isolated`.
"""
