"""The look of a Reel: every segment's exposure and white balance brought towards the Reel's own.

`crops` takes what each segment shows out of a few decoded frames, `measures` says how bright, how
colourful and how tinted they are, `matching` chooses a `Grade` for each segment, within limits.
`colours` has the colour spaces, and what a grade does to an array: the planner's forecast and
MoviePy's frames are made by it, FFmpeg's by filters that do the same
(rendering.video.grade_filter). `flat` says which clips were brought from a log profile to normal
contrast before that.

Belongs here: choosing grades. Does not belong here: applying them to a video (rendering), or the
styles' own looks (styles).

Begin with `matching.matched_timeline`.
"""
