"""The Dagster graph: the only room, with `definitions` above it, that imports dagster.

Begin with `assets`, the five steps from clips to a delivered Reel. Around a step: `steps` (claim,
progress), `failures` (what an error means), `documents` (what it hands on). Around a run: `sensors`
start it, `outcomes` settle a request whose run could not.

Belongs here: when and how often something runs, and what the Dagster UI shows of it. Does not
belong here: the work itself; an asset calls the room that does it.
"""
