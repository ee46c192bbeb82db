"""A whole system on one machine, with nothing but Python: for people who try it, and for tests.

Begin with `stack`, which starts, watches and stops everything in order; `address` is how other
commands find it, `environment` what its processes are told, `embedded` the servers themselves.
`footage` and `identity` are the demo's clips and its one user.

Belongs here: processes, ports, locks and folders of one machine. Does not belong here: anything
that production needs.
"""
