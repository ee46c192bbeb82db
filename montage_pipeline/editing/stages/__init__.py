"""The stages of planning, in the order in which `planner.plan_timeline` takes them.

`wishes` turns clip URLs into clips with footage; `length` counts how long the Reel can be and which
hooks (`hook`) leave room for it; `chosen_edit` has the optimiser find the best edit; `segments`
places its pieces in their sources, with crops and sound; `wording` says why each is there, with
`off_beat` for the cuts that miss the beat; `music_placement` lays the music under it.

Belongs here: steps that take the context and what the stages before them decided. Does not belong
here: what is true of footage or music whatever is asked (`stretches`, `footage_line`, `beats`), or
how an edit is judged (`optimizer`).
"""
