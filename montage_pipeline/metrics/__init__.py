"""What Prometheus is told: of the pipeline, from its rows, and of the API, from its requests.

Belongs here: every metric with its name and labels, reading the rows they come from (`changes`),
saying whose fault a failure is (`faults`), adding them up (`pipeline`), the API's own (`http`), and
serving them (`serving`). Does not belong here: alert rules and the dashboard; those are files in
`deploy/`, for people to change.

Runs are processes that live for a minute, so nothing is counted inside them: what they did is in
their rows, and one process, `montage metrics`, counts rows. Labels have few values: states, steps,
services, error codes, faults; never an id or anything a user typed.

Begin with `pipeline`.
"""
