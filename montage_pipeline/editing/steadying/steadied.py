"""Which segments are steadied, and how their crop moves for it.

Belongs here: the choice, and its limits. Does not belong here: measuring the camera (camera_path),
decoding for it (decoded), drawing the crop (rendering).
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.framing.crops import largest_inside, picture_of
from montage_pipeline.editing.steadying.camera_path import (
    CameraPath,
    shake_of,
    slow_part,
)
from montage_pipeline.editing.timeline import CropRect, Segment, Timeline, crop_corner
from montage_pipeline.footage.model import ClipFacts

_MAX_STABILITY = 0.8
"""Of a moment, up to which its segment is looked at: above it nobody sees a shake."""

_MIN_SHAKE = 0.002
"""Root mean square, of the crop's longer side, from which a shake is seen: 4 pixels of a Reel."""

_ZOOMS = (1.0, 1.03, 1.06, 1.09, 1.12)
"""Enlargements that are tried, the least first: beyond an eighth the picture pays more than it
gains.
"""

_SLOW_S = (0.7, 0.5, 0.35)
"""Standard deviations (s) of what is kept of the camera's way, the smoothest first."""

_GOOD, _ENOUGH = 0.25, 0.5
"""Shares of the shake that may be left: with the first, no larger enlargement is tried; with more
than the second, the segment stays as it is.
"""

_DECIMALS = 2  # of a pixel of the source, in which shifts are stored


class _Steady(NamedTuple):
    """A way to steady a segment, and the share of its shake that is left."""

    segment: Segment
    left: float


def restless_spans(
    timeline: Timeline, stability: Mapping[str, float]
) -> dict[int, tuple[float, ...]]:
    """The segments whose camera is to be followed, by number, with the times (s) of their frames.

    Those of restless moments: `stability` has the analysis's score of each moment by id.
    """
    fps = float(timeline.fps.fraction)
    return {
        number: tuple(
            segment.source_in_s + frame * (segment.speed / fps) for frame in range(segment.frames)
        )
        for number, segment in enumerate(timeline.segments)
        if stability.get(segment.moment, 1.0) <= _MAX_STABILITY
    }


def steadied_along(timeline: Timeline, paths: Mapping[int, CameraPath | None]) -> Timeline:
    """The timeline with these segments, by number, steadied where that takes away half of the
    shake.

    `paths`: of what is filmed, in displayed source pixels; None where it could not be followed.
    """
    segments = list(timeline.segments)
    for number, path in paths.items():
        if path is not None:
            segments[number] = best_steadied(timeline, segments[number], path)
    return timeline.model_copy(update={"segments": tuple(segments)})


def stability_of(analysis: ClipAnalysis) -> dict[str, float]:
    """How steady the camera is held in each moment, 0..1, by the moment's id."""
    moments = (moment for clip in analysis.clips for moment in clip.moments)
    return {moment.id: moment.scores.stability for moment in moments}


def best_steadied(timeline: Timeline, segment: Segment, path: CameraPath) -> Segment:
    """The segment with the least enlargement that steadies it well; itself where nothing does.

    `path`: of what is filmed, in displayed source pixels, a row for each of the segment's frames.
    """
    fps = float(timeline.fps.fraction)
    shake = shake_of(path, fps)
    if shake < _MIN_SHAKE * max(segment.crop.width, segment.crop.height):
        return segment

    best: _Steady | None = None
    for steady in _tried(timeline, segment, path):
        if best is None or steady.left < best.left:
            best = steady
        if best.left <= _GOOD:
            break
    return best.segment if best is not None and best.left <= _ENOUGH else segment


def _tried(timeline: Timeline, segment: Segment, path: CameraPath) -> Iterator[_Steady]:
    fps, facts = float(timeline.fps.fraction), timeline.clips[segment.clip]
    shake = shake_of(path, fps)
    for zoom in _ZOOMS:
        enlarged = _enlarged(timeline, segment, zoom)
        for slow_s in _SLOW_S:
            wanted = path - slow_part(path, slow_s * fps)
            steady = _moved_with(enlarged, facts, wanted)
            shifts = np.asarray(steady.steadying)
            yield _Steady(steady, shake_of(path - shifts, fps) / shake)


def _enlarged(timeline: Timeline, segment: Segment, zoom: float) -> Segment:
    """The segment with a smaller crop about the same middle."""
    crop = segment.crop
    if zoom == 1.0:
        return segment
    size = largest_inside(round(crop.width / zoom), round(crop.height / zoom), timeline)

    def smaller(old: CropRect) -> CropRect:
        x, y = old.x + (old.width - size[0]) // 2, old.y + (old.height - size[1]) // 2
        return CropRect(x=x, y=y, width=size[0], height=size[1])

    end = segment.crop_end
    return segment.model_copy(
        update={"crop": smaller(crop), "crop_end": smaller(end) if end else None}
    )


def _moved_with(segment: Segment, facts: ClipFacts, wanted: CameraPath) -> Segment:
    """The segment whose crop follows what is wanted, as far as the picture goes."""
    still = segment.model_copy(update={"steadying": ()})
    corners = np.asarray([crop_corner(still, frame) for frame in range(segment.frames)])
    picture = picture_of(facts)
    least = np.array([picture.x, picture.y])
    room = np.array([picture.width - segment.crop.width, picture.height - segment.crop.height])
    shifts = np.clip(corners + wanted, least, least + room) - corners
    steadying = tuple((round(float(x), _DECIMALS), round(float(y), _DECIMALS)) for x, y in shifts)
    return segment.model_copy(update={"steadying": steadying})
