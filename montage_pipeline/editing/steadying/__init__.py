"""Shaky segments look steady: the crop follows the camera's shake, within the room that it has.

The camera's way over the used span is measured frame by frame, its slow part is kept, and what is
left moves the crop. Nothing is warped: both engines draw it, and the finished file can be held
against what was analysed. Begin with `steadied.steadied_timeline`.
"""
