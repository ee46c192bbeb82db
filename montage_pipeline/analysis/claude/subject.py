"""Where to look, from the places that Claude named in the frames it was shown.

Claude names a place along the one axis in which the Reel's crop has room, which is all that a crop
can follow. Where it looked, nothing that was measured counts beside it: movement is often not the
subject, and a subject that Claude does not see is not there.
"""

from collections.abc import Sequence
from itertools import pairwise

from montage_pipeline.analysis.claude.judgement import Crop, Shown
from montage_pipeline.analysis.model import Moment, SubjectPoint, TimeSpan
from montage_pipeline.footage.measuring.boxes import WHOLE
from montage_pipeline.footage.model import Box, ClipFacts
from montage_pipeline.vocabulary import FrameSize

_HELD_SHARE = 0.6
"""Of the crop's side, kept around the place that was named: estimated by eye, it may be off by the
rest, and a subject is wider than a point.
"""

_WHOLE = 0.95  # share from which the crop has no room worth asking about
_OTHER_SIDE = 0.5  # of the frame, along the axis in which nothing is cropped: neither near nor far


def crop_of(facts: ClipFacts, size: FrameSize) -> Crop | None:
    """How a clip is cropped to a shape; None where nothing is cut off that could be chosen."""
    picture, shape = facts.picture or WHOLE, size.width / size.height
    wide, high = picture.width * facts.width, picture.height * facts.height
    if wide > high * shape:
        crop, whole = Crop("across", high * shape / facts.width), picture.width
    else:
        crop, whole = Crop("down", wide / shape / facts.height), picture.height
    return crop if crop.share < _WHOLE * whole else None


def subject_path(look: Sequence[int | None], shown: Shown) -> tuple[SubjectPoint, ...]:
    """Where the subject is at the times of the shown frames, where it is in them at all.

    Empty where the moment has no single subject: then the middle is shown.
    """
    crop = shown.crop
    if crop is None:
        return ()
    return tuple(
        SubjectPoint(time_s=time_s, box=_box_at(place / 100, crop), source="model")
        for place, time_s in zip(look, shown.times_s, strict=False)
        if place is not None
    )


def without_subject(
    look: Sequence[int | None], shown: Shown, moment: Moment
) -> tuple[TimeSpan, ...]:
    """The parts of a moment in which its subject is gone, between the frames that show it.

    Empty where it has none, or is never there.
    """
    if all(place is None for place in look):
        return ()
    middles_s = [(before + after) / 2 for before, after in pairwise(shown.times_s)]
    edges_s = [moment.start_s, *middles_s, moment.end_s]
    gone: list[TimeSpan] = []
    for place, (start_s, end_s) in zip(look, pairwise(edges_s), strict=True):
        if place is not None:
            continue
        if gone and gone[-1].end_s == start_s:
            start_s = gone.pop().start_s
        gone.append(TimeSpan(start_s=start_s, end_s=end_s))
    return tuple(gone)


def around(boxes: Sequence[Box]) -> Box | None:
    """The box around all boxes; None without any."""
    if not boxes:
        return None
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    right = max(box.x + box.width for box in boxes)
    bottom = max(box.y + box.height for box in boxes)
    return Box(x=left, y=top, width=min(right - left, 1 - left), height=min(bottom - top, 1 - top))


def _box_at(place: float, crop: Crop) -> Box:
    """A box around a place (0..1 along the crop's axis)."""
    side = _HELD_SHARE * crop.share
    start = min(max(0.0, place - side / 2), 1 - side)
    other = (1 - _OTHER_SIDE) / 2
    if crop.axis == "across":
        return Box(x=start, y=other, width=side, height=_OTHER_SIDE)
    return Box(x=other, y=start, width=_OTHER_SIDE, height=side)
