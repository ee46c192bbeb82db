"""The storyboard: one image that shows an edit cut by cut, and the beats under it.

`storyboard` lays out the page, `card` draws one cut, `ruler` the cuts on the music; `drawing` has
text, bars and boxes.

Belongs here: what a person sees of a timeline before it is rendered. Does not belong here: any
choice of the edit.
"""
