"""From notes to samples: the instruments, the drums and the mixing desk of the local composer.

Belongs here: synthesis and mixing. Does not belong here: what is played (performance).

Begin with `mixdown.mix_down`. Pitched notes come from `instrument`, which plays a `patch` (all are
in `patches`) in one of five `voices`; percussion and effects from `drums`. `mixing` is the desk.
"""
