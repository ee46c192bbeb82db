"""The `montage` command, for one person at one machine.

Begin with `app`, which names every command; each group has a module: `make_commands` (make, demo),
`change_command` (change), `system_commands` (up), `report_commands` (status, export),
`cost_commands` (costs), `metrics_command` (metrics), `maintenance_commands` (migrate, doctor,
settings, errors). `system` finds or starts what a command needs.

Belongs here: arguments, what is printed, exit codes. Does not belong here: making a Reel. `make`
inserts a row and watches it; the daemon, a sensor and a run do the work, as for any other request.
"""
