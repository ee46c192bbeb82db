"""Where to look, from what Claude pointed at and what was tracked in the pixels."""

from collections.abc import Sequence

from montage_pipeline.analysis.claude.judgement import Shown, SubjectBox
from montage_pipeline.analysis.model import Moment, SubjectPoint
from montage_pipeline.footage.model import Box

_SAME_TIME_S = 0.75  # points this near are of about the same frame: tracks have two a second
_REACH = 0.25  # of a box's side, by which it is widened before a tracked point counts as outside


def pointed_subject(
    moment: Moment, boxes: Sequence[SubjectBox], shown: Shown
) -> tuple[Box | None, tuple[SubjectPoint, ...]]:
    """`subject` and `subject_path` of a moment in which Claude pointed at `boxes`.

    Claude says *what* the subject is, the tracks say *where it goes*: those that pass through
    Claude's boxes stay, those that follow something else go. Where Claude points at nothing, the
    measured subject stays.
    """
    if not boxes:
        return moment.subject, moment.subject_path

    pointed = [
        SubjectPoint(time_s=shown.times_s[box.frame - 1], box=box.box(), source="model")
        for box in boxes
    ]
    tracks: dict[str, list[SubjectPoint]] = {}
    for point in moment.subject_path:
        tracks.setdefault(point.source, []).append(point)

    path: list[SubjectPoint] = []
    for track in tracks.values():
        if all(_passes(track, point) for point in pointed):
            path += track
    path = sorted([*path, *pointed], key=lambda point: point.time_s)
    return _around([point.box for point in pointed]), tuple(path)


def _passes(track: Sequence[SubjectPoint], pointed: SubjectPoint) -> bool:
    """Whether a track goes through a box at its time."""
    nearest = min(track, key=lambda point: abs(point.time_s - pointed.time_s))
    if abs(nearest.time_s - pointed.time_s) > _SAME_TIME_S:
        return False  # nothing says that it follows the same thing

    tracked, box = nearest.box, pointed.box
    apart_x = abs(tracked.x + tracked.width / 2 - box.x - box.width / 2)
    apart_y = abs(tracked.y + tracked.height / 2 - box.y - box.height / 2)
    reach = 0.5 + _REACH
    return apart_x <= reach * box.width and apart_y <= reach * box.height


def _around(boxes: Sequence[Box]) -> Box:
    """The box around all boxes."""
    if len(boxes) == 1:
        return boxes[0]
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    right = max(box.x + box.width for box in boxes)
    bottom = max(box.y + box.height for box in boxes)
    return Box(x=left, y=top, width=min(right - left, 1 - left), height=min(bottom - top, 1 - top))
