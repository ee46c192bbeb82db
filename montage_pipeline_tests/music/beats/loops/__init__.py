"""Loops with known beats, to measure beat tracking by.

Drums, bass and chords, synthesised here from a seed. They share nothing with the local composer, so
that the tracker is not measured on the sounds of its own house.

Belongs here: the sounds, the patterns, what is true of them. Does not belong here: any tracker.
Begin with `generate.make_loop`: a `band` plays one of the `patterns` on the `sounds`; `beatless` is
what has no beat.
"""
