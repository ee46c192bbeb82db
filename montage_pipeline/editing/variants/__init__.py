"""More than one edit of the same footage, and one edit in more than one shape.

Begin with `alternatives.plan_variants`, which runs the planner several times, each time with less
of the footage that the earlier edits show. `formats.in_format` frames an edit anew.
"""
