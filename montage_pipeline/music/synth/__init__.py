"""The composer that needs no provider: an original piece, composed and played on this machine.

Belongs here: writing, playing, synthesising and mixing. Does not belong here: the material a style
draws from (styles).

Begin with `composer.render`, the whole way of a piece. `arrangement` decides the form and the
chords (`harmony`); `performance` plays it (`drum_part`, `pitched_parts`, `melody`) as timed
`notes`; `mixdown` sounds the notes (`drums`, `instruments`, `patches`) and mixes them (`mixing`).

Every choice is a draw from one seeded generator, so the order of the draws is part of the piece: a
draw added, removed or moved changes every piece after it.
"""
