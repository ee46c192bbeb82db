"""The edit: which frames of which clips make the Reel, in which order, and how they are cropped.

Data flows one way: the analysis gives the usable stretches (`stretches`), of which those too short
for a cut may play slower (`short_footage`), and a line of frames with points (`footage_line`, over
`moment_table` and `moment_score`); the `optimizer` finds the best pieces of it; `stages` turn
wishes, lengths and pieces into segments with crops (`reframe`) and reasons; the result is a
`timeline`, with a report of its `originality`. `context` is what all stages go by, `beats` the
music as a ruler, `packing` the arithmetic of cutting frames. `storyboard` draws a timeline,
`export` writes it for other programs.

Belongs here: decisions about the edit. Does not belong here: judging footage (analysis), making
music, or rendering; a timeline needs nothing of this package but its document.

Begin with `timeline`, then `planner.plan_timeline`, then the docstring of `optimizer.objective`.
"""
