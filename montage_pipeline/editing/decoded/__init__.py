"""Frames of the footage that a timeline shows, decoded once for everybody who looks at them.

Belongs here: which frames of a segment are looked at after planning, and decoding them. Does not
belong here: what is made of them (`grading`, `storyboard`).
"""
