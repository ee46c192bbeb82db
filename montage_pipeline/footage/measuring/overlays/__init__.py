"""What was put on footage after it was filmed: borders, logos, writing.

Belongs here: finding them in upright luma planes, and where they are. Does not belong here: whether
footage with them may be used (analysis.faults).

Borders and logos take several frames to tell; writing is found in one, as lines of small letters
and as titles. Without knowing what a letter is, writing is told by its shape; a shop sign in front
of a camera is writing too. Begin with `borders.box_inside_borders`, `logos.logos` and
`writing.writing`.
"""
