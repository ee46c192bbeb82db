"""Text on the frame: from what a user typed to a script that libass draws.

Belongs here: the shipped fonts, where text may stand, how it is broken into lines, how large it is,
and the script with its filter.
Does not belong here: which segment shows which text (editing, rendering), and running FFmpeg.

Begin with `layout`, which the API also uses to refuse a text that cannot be shown; `script` turns a
layout into what FFmpeg is given. `breaking` and `measuring` serve the layout, `fonts` chooses who
draws which characters, `static_fonts` makes font files of just those.
"""
