"""Reading one kind of fact each from an opened clip, for `footage.probe`.

Belongs here: which track is used (tracks), its clock and frame rate (timing), its colours (colour,
log_profile), its size and orientation (geometry), whether it is encrypted (encryption), and what of
these is refused. Does not belong here: putting the facts together (probe), judging what the frames
show (measuring).

Begin with `tracks.pick_video_track`.
"""
