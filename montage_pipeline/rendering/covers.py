"""The covers of a Reel: its poster, and what may take the poster's place.

Belongs here: looking at the candidates as they are in the finished file, and choosing. Does not
belong here: which frames are candidates (editing).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from montage_pipeline.editing.timeline import Cover, Timeline
from montage_pipeline.footage.measuring.faces import faces_in
from montage_pipeline.footage.measuring.objects import Pixels, objects_in
from montage_pipeline.footage.measuring.still import exposure, fingerprint, sharpness
from montage_pipeline.rules import looks_alike

COVERS = 3
"""As many as a person compares at a glance."""

_SIDE = 480
"""Longer side, in pixels, that a frame is measured at: about what a library shows it at."""

_SHARPNESS, _USUAL_SHARPNESS = 0.5, 0.75
"""Points for a frame that is all detail beside one that is mush, about the usual figure of frames
that hold still.
"""

_LIGHT = 0.5
"""Points that a frame loses when nothing can be made out in it."""

_BLACKNESS, _USUAL_BLACK = 0.4, 0.3
"""Points that an all black frame loses, from the share that is black in good frames on: lights in
the night are well exposed by every other measure, and still no cover.
"""

_FACE, _HEADLESS = 0.15, 0.2
"""Points for a face that can be seen, and off for somebody whose head is not in the frame: people
look at faces first, and a jumper without one is worse than nobody.
"""

_MIN_BODY, _TOP = 0.15, 0.03
"""Share of the frame that a body takes before its head is missed, and how near to the upper edge it
must reach (share of the height) for the head to be beyond it.
"""

_SAME_SEGMENT, _ALIKE, _SAME_CLIP = 0.50, 0.30, 0.15
"""Taken off a frame for what a better cover shows already: scores rarely differ by more than 0.3 in
one Reel, and three covers that look the same are one.
"""


class CoverFile(NamedTuple):
    """A cover as a JPEG of the Reel's size."""

    cover: Cover
    path: Path


class _Seen(NamedTuple):
    """A candidate as it looks; `clip` is its index. In `faceless` nobody has looked for bodies yet:
    that takes longer than all else, and is done for those that lead.
    """

    file: CoverFile
    score: float
    fingerprint: int
    clip: int
    faceless: Pixels | None


def choose_covers(timeline: Timeline, stills: Mapping[int, Path]) -> list[CoverFile]:
    """Up to `COVERS` covers of the finished file, the best first, from its frames by number.

    Their scores are as they look. Empty for a timeline without candidates.
    """
    seen = [
        _look(CoverFile(candidate, stills[candidate.frame]), timeline)
        for candidate in timeline.cover_candidates
    ]
    chosen: list[_Seen] = []
    while seen and len(chosen) < COVERS:
        best = seen.pop(_first(seen, chosen))
        if best.faceless is None:
            chosen.append(best)
            continue
        off = _HEADLESS if _is_body_without_head(best.faceless) else 0.0
        seen.append(best._replace(score=best.score - off, faceless=None))
    return [
        CoverFile(
            each.file.cover.model_copy(update={"score": round(min(max(each.score, 0), 1), 3)}),
            each.file.path,
        )
        for each in chosen
    ]


def _first(seen: Sequence[_Seen], chosen: Sequence[_Seen]) -> int:
    """The place of the best one beside those that are chosen; of equal ones the earlier frame."""
    return max(
        range(len(seen)),
        key=lambda place: (_worth(seen[place], chosen), -seen[place].file.cover.frame),
    )


def _look(file: CoverFile, timeline: Timeline) -> _Seen:
    with Image.open(file.path) as still:
        # Decoded no larger than it is looked at.
        still.draft("RGB", (_SIDE, _SIDE))
        still.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
        coloured, small = (np.asarray(still.convert(mode)) for mode in ("RGB", "L"))
    light = exposure(small)
    has_face = bool(faces_in(small))
    points = (
        _SHARPNESS * (sharpness(small) - _USUAL_SHARPNESS)
        - _LIGHT * (1 - light.score)
        - _BLACKNESS * max(0.0, light.black_share - _USUAL_BLACK)
        + (_FACE if has_face else 0.0)
    )
    return _Seen(
        file,
        file.cover.score + points,
        fingerprint(small),
        timeline.segments[file.cover.segment].clip,
        None if has_face else np.ascontiguousarray(coloured[:, :, ::-1]),
    )


def _is_body_without_head(bgr: Pixels) -> bool:
    return any(
        thing.kind == "person"
        and thing.box.y <= _TOP
        and thing.box.width * thing.box.height >= _MIN_BODY
        for thing in objects_in(bgr).living
    )


def _worth(seen: _Seen, chosen: Sequence[_Seen]) -> float:
    """The score, less what better covers show already."""
    taken_off = 0.0
    for other in chosen:
        if seen.file.cover.segment == other.file.cover.segment:
            taken_off = max(taken_off, _SAME_SEGMENT)
        if looks_alike(seen.fingerprint, other.fingerprint):
            taken_off = max(taken_off, _ALIKE)
        if seen.clip == other.clip:
            taken_off = max(taken_off, _SAME_CLIP)
    return seen.score - taken_off
