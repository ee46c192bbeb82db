"""Finding the beats of any music: tempo, beats, bars and strong moments.

Belongs here: listening, from samples to a `BeatGrid`, on NumPy alone. Does not belong here: where a
piece comes from, and which of its beats a cut falls on (editing.beats).

Begin with `tracker.find_beats`. It goes from `onsets` (where sound sets in) to `pulse` (the period
they repeat at), `metre` (which pulses are beats, which beats start bars) and `strong` (where
something big starts). `make bench-beats` compares it with librosa's tracker.
"""
