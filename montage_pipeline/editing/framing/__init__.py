"""Which part of the frame a Reel shows: what speaks for a place, and where the crop goes.

Begin with `reframe.framing_for`.
"""
