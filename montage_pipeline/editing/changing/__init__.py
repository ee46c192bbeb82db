"""Changing an edit that is there, segment by segment.

`room` is the document that says what may become of each segment of one edit: where in its clip it
may lie, how far its crop may move, and what could be shown in its place; it is stored with the
edit. `carrying_out` applies a list of changes to it with whole-number arithmetic, needing neither
the analysis nor the music, so that whoever asks knows at once what would be rendered. `standing`
sees a finished edit with the planner's eyes, `alternatives` ranks what else could be shown,
`changed_edit` makes the timeline.

Belongs here: everything that starts from an edit. Does not belong here: planning from nothing
(`planner`), the changes as the user states them (`requests.segment_changes`).
"""
