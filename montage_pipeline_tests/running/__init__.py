"""How pytest runs the tests: what goes to which worker, and what begins first.

Belongs here: what makes the same tests take less time. Does not belong here: fixtures (the
`conftest` of the room that needs them).
"""
