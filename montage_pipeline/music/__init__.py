"""The music of a Reel, with its beat grid.

Belongs here: getting a piece of music (bought from fal, composed on this machine, or the user's
own), finding its beats, and storing it as a `MusicTrack`. Does not belong here: what a style's
music is made of (styles), where the cuts fall on it (editing.beats), the mix under the Reel
(rendering.audio).

Begin with `composer`, the order and the result that all three composers share, and `model`, what
the other rooms read. `fal`, `synth` and `own_music` are the composers and know nothing of each
other; `beats` serves all of them but `synth`, which knows its own beats.
"""
