"""Figures about a clip's frames and sound.

Belongs here: one measurement per module, the pass that takes them all (measure), and reading the
results for a span (measures). Does not belong here: which figures make footage good or unusable
(analysis.scoring, analysis.faults), which spans are worth measuring (analysis.scan).

Begin with `measure.measure`. What is cheap and covers all of a long clip is in `coarse` and `calm`.
"""
