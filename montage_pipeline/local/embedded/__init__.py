"""Servers that a local system runs by itself, so that nobody has to install one.

Begin with `stores`, the database and the object store together. `process` starts a server, watches
it and ends it with everything it started; `keeper` ends it when we cannot any more. `postgres` and
`seaweed` each know one server, `servers` the command lines of our own.

Belongs here: how one server is run. Does not belong here: the order of several (`local.stack`).
"""
