"""Whether a finished file shows what was analysed: its frames beside the miniatures of the edit.

Belongs here: which frames are compared, and how. Does not belong here: decoding the file, the
verdict (check).
"""

from collections.abc import Callable
from math import ceil
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.editing.timeline import Segment, Timeline, crop_corner
from montage_pipeline.footage.miniatures import chroma_of, luma_of
from montage_pipeline.footage.model import ClipFacts, Miniature

SAMPLE_SIDE = 64
"""Longer side (pixels) of the finished frames that are compared."""

_MIN_ALIKE = 0.6
"""Correlation below which two frames show different things. Delivered frames of phones, cameras and
screens correlate above 0.95 with what was analysed; wrongly decoded ones, and other shots, stay far
below.
"""

_FLAT_SPREAD = 24
"""Levels of 255 between the darkest and the brightest part: less has no structure to compare."""

_MIN_COLOURS_ALIKE = 0.55
"""As `_MIN_ALIKE`, for U and V together: tone mapping, grades and captions change colours more than
light. What is delivered stays above 0.7; colours that were read wrongly are below 0.5.
"""

_FLAT_COLOURS = 8.0
"""Levels of 255 by which colours spread about their mean (RMS): less may be noise and rounding."""

_MIN_CELLS = 6
"""Each way, on which two frames are compared."""

_TIME_SLACK_S = 1e-4

Plane = NDArray[np.float32]
"""Light or one colour difference; rows first."""


class Compared(NamedTuple):
    """A frame of the finished file, by its number, that shows an analysed one of a segment."""

    number: int
    segment: int
    frame: int
    miniature: Miniature


class Difference(NamedTuple):
    """A frame that does not show what was analysed; `alike` is their correlation, `where` says of
    what: " in its colours", or "" for the light.
    """

    compared: Compared
    alike: float
    where: str = ""


def frames_to_compare(timeline: Timeline) -> list[Compared]:
    """The first, the middle and the last analysed frame of each segment, in order.

    An effect may change a segment as it likes, so that those with one are left out.
    """
    chosen: list[Compared] = []
    first = 0
    for number, segment in enumerate(timeline.segments):
        own = _own_frames(timeline, segment)
        if own and segment.effect is None:
            places = sorted({0, len(own) // 2, len(own) - 1})
            chosen += [
                Compared(first + own[place][0], number, *own[place])
                for place in places
                if own[place][1].spread >= _FLAT_SPREAD
            ]
        first += segment.frames
    # Two miniatures on one output frame would be one frame of the file.
    return list({compared.number: compared for compared in chosen}.values())


def differences(
    timeline: Timeline, compared: list[Compared], shown: list[NDArray[np.uint8]]
) -> list[Difference]:
    """Those of the finished frames (`shown`: Y, U and V of any size) that show something else."""
    found = []
    for one, frame in zip(compared, shown, strict=True):
        alike = _likeness(timeline, one, frame[0])
        if alike < _MIN_ALIKE:
            found.append(Difference(one, alike))
            continue
        alike = _colours_alike(timeline, one, frame[1:])
        if alike < _MIN_COLOURS_ALIKE:
            found.append(Difference(one, alike, " in its colours"))
    return found


def _own_frames(timeline: Timeline, segment: Segment) -> list[tuple[int, Miniature]]:
    """The miniatures that a segment shows, each with the segment's frame that shows it first."""
    rate = float(timeline.fps.fraction) / segment.speed
    placed = (
        (ceil((miniature.time_s - segment.source_in_s - _TIME_SLACK_S) * rate), miniature)
        for miniature in segment.miniatures
    )
    return [(frame, miniature) for frame, miniature in placed if 0 <= frame < segment.frames]


def _likeness(timeline: Timeline, compared: Compared, frame: NDArray[np.uint8]) -> float:
    """Correlation of a finished frame with the analysed one inside its crop, -1..1."""
    wanted = _wanted(timeline, compared, luma_of)
    # A crop may show a flat part of the frame.
    if wanted is None or float(np.ptp(wanted)) * compared.miniature.spread < _FLAT_SPREAD:
        return 1.0
    return _correlation(wanted, frame[None])


def _colours_alike(timeline: Timeline, compared: Compared, frame: NDArray[np.uint8]) -> float:
    """As `_likeness`, for U and V."""
    wanted = _wanted(timeline, compared, chroma_of)
    if wanted is None or float(np.hypot(*wanted.std(axis=(1, 2)))) < _FLAT_COLOURS:
        return 1.0
    return _correlation(wanted, frame)


def _wanted(
    timeline: Timeline,
    compared: Compared,
    read: Callable[[Miniature, ClipFacts], Plane | None],
) -> Plane | None:
    """What the crop shows of the planes that `read` gives of the analysed frame, which are the
    first axis; None where it gives none.
    """
    segment = timeline.segments[compared.segment]
    facts = timeline.clips[segment.clip]
    analysed = read(compared.miniature, facts)
    if analysed is None:
        return None
    planes = analysed.reshape(-1, *analysed.shape[-2:])
    return np.stack([_cropped(plane, facts, segment, compared.frame) for plane in planes])


def _correlation(wanted: Plane, frame: NDArray[np.uint8]) -> float:
    """Of planes (the first axis) with those of a finished frame of another size, -1..1."""
    size = (wanted.shape[2], wanted.shape[1])
    given = np.stack(
        [cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in frame]
    ).astype(np.float32)
    a, b = (planes - planes.mean(axis=(1, 2), keepdims=True) for planes in (wanted, given))
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale > 0 else 0.0


def _cropped(analysed: Plane, facts: ClipFacts, segment: Segment, frame: int) -> Plane:
    """What the crop shows of an analysed frame at a frame of the segment."""
    height, width = analysed.shape
    across, down = width / facts.width, height / facts.height
    left, top = crop_corner(segment, frame)
    left, top = left * across, top * down
    shown_width, shown_height = segment.crop.width * across, segment.crop.height * down

    columns = max(_MIN_CELLS, round(shown_width))
    rows = max(_MIN_CELLS, round(shown_height))
    x = left + (np.arange(columns, dtype=np.float32) + 0.5) / columns * shown_width - 0.5
    y = top + (np.arange(rows, dtype=np.float32) + 0.5) / rows * shown_height - 0.5
    grid_x, grid_y = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    mapped = cv2.remap(analysed, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return mapped.astype(np.float32, copy=False)
