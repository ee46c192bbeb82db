"""Several edits of the same clips, and several files of one edit.

Belongs here: the variants of a plan, choosing one of them, the renditions of an item. Does not
belong here: making them (orchestration).
"""
