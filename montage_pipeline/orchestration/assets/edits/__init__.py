"""Edits beside the best one, and what a page needs to know of each.

`variants` stores the further edits of a plan and takes up a chosen one; `changed_edit` carries out
a user's changes on the edit of an earlier request. `look` is what becomes of its colours and its
camera; `edit_view` is an edit as a page shows it, and
`edit_room` what may become of its segments.

Belongs here: what `edit_timeline` stores beside the timeline. Does not belong here: planning
(editing).
"""
