"""What is too short for a cut, and how it is shown all the same.

A cut takes 3 to 5 s and ends on a beat. Of a clip without so much, a stretch that lacks little
plays up to 3 % slower; one of a high frame rate plays in slow motion of which every frame was
filmed; with the wish for it, one is shown as briefly as it is (`short_cuts`). Whichever it is, it
may also open the Reel, at its own speed. The planner sees stretches that are long enough
(`offers`), and plans as always.

Belongs here: which stretches are played slower or shorter, and by how much. Does not belong here:
which footage is usable (`stretches`), which of it is shown (`optimizer`).
"""
