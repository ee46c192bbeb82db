"""What tells people how the system is: what a run made, or whose fault it is that it made nothing,
what needs an operator now, and whether what was delivered is still there.

Belongs here: the sensor that tells the operator's webhook (`alerts`) from what the database says
(`figures`), the daily check of delivered objects (`delivered`), the line that the list of runs
shows of each (`outcome`), what of a user's bad input would look like a fault of ours (`unmade`),
and the form of what runs log (`run_lines`). Whose fault a failure is says `metrics.faults`.
Does not belong here: money beside the steps (`spending`), what becomes of requests (`outcomes`).

Begin with `alerts`.
"""
