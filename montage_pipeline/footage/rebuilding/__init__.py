"""A copy of a clip, packet by packet, where the file itself cannot be entered or timed as it is.

Some files list times of decoding as those of showing, start their clock again half-way, or say only
in their first packet how the others are decoded. Their packets are written once more, into a file
with one clock from zero on that can be entered at every keyframe; no frame is encoded. Whoever
reads the clip from then on (analysis, sheets, storyboard, sound, renderer) reads that copy, so that
all of them see the same frames at the same times.

Belongs here: what is wrong with a file (diagnosis), the right times (schedule, order), messages to
the decoder (messages), the copy (copying). Does not belong here: where copies are kept (fetching).

Begin with `copying.rebuild`.
"""
