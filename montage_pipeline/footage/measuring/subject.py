"""Where to look as time goes by: at a face, else where it moves, else where the frame stands out.

Belongs here: the subject's places with their times, and when it is gone. Does not belong here: how
a crop follows them (editing).
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise, takewhile
from math import inf
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.footage.measuring.boxes import box_around, distance, spread_of
from montage_pipeline.footage.measuring.movement import FrameMotion, moving_subject
from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline.footage.model import Box
from montage_pipeline.spans import Span

# Faces
_PERSON_TO_FACE = 2.2  # sides: a face with its shoulders, and air above it
_MAX_BRIDGED_S = 1.5  # without a face between two sightings of it
_MAX_ROAM = 1.6  # face widths between one sighting and the next that are still the same face

_MOTION_WINDOW_S = 0.5  # to each side of a time: movement that says where the subject is

# Who is meant
_CENTRAL_SPREAD = 0.25  # of the frame's side: people film what they mean in the middle
_CUT_OFF_WITHIN = 0.02  # of the frame's side
_CUT_OFF_FACTOR = 0.3  # of who is cut by the frame's own edge: beside such a one, another is meant

# Saliency
_SALIENT_SIDE = 64  # pixels
_MAX_SALIENT_SHARE = 0.35  # of the frame: wider than this, it stands out nowhere in particular
_THING_WIDTH = 0.35  # of the frame's; no thing is taken to be wider
_MIN_THING_SHARE = 0.6  # of all that stands out, in that width; with less it is texture
_BACKGROUND_PERCENTILE = 75  # of the energy: what is below does not stand out
_COVERED_SPREADS = 4  # standard deviations across a thing, edge to edge
_EDGES_OF_BOX = 0.6  # of the area that these make, a thing fills
_SHOWN_SPREADS, _MIN_SALIENT_SIDE = 2.8, 0.1  # of the box that is given

# Absences
_GONE_FRAMES = 2  # in a row; a single one without a subject may have been missed
_EDGE = 0.06  # of the frame's side
_MAX_LEAVING_S = 1.5  # who is cut by the frame's edge for longer stands there
_SMALL = 0.3  # of the frame's height
_STEEP = 48.0  # levels of Sobel's gradient that make an edge
_MAX_BARE_EDGES = 0.018  # share of edges in a frame below which nothing is in it
_BARE_BLUR = 1 / 512  # of the longer side: what is finer is grain

_SAME_TIME_S = 1e-6


class SubjectPlace(NamedTuple):
    """Where the subject is at a presentation time (s)."""

    time_s: float
    box: Box
    source: Literal["face", "motion", "saliency"]


def subject_likelihood(box: Box) -> float:
    """How likely what is seen there is the subject, 0..1, by where it lies across the frame."""
    off = abs(box.x + box.width / 2 - 0.5)
    likelihood = float(np.exp(-((off / _CENTRAL_SPREAD) ** 2) / 2))
    reaches_edge = box.x < _CUT_OFF_WITHIN or box.x + box.width > 1 - _CUT_OFF_WITHIN
    # Who reaches from the edge to the frame's middle is what the picture is of, seen from near.
    holds_middle = box.x < 0.5 < box.x + box.width
    return likelihood * (_CUT_OFF_FACTOR if reaches_edge and not holds_middle else 1.0)


class SeenFrame(NamedTuple):
    """One frame: its time (s), the faces in it (largest first), its upright luma, and whether a
    person or an animal is in it.
    """

    time_s: float
    faces: tuple[Box, ...]
    luma: Plane
    with_living: bool = False

    @property
    def is_bare(self) -> bool:
        """Whether there is nobody and next to nothing in it."""
        return not self.with_living and is_bare(self.luma)


def subject_path(
    frames: Sequence[SeenFrame], motions: Sequence[FrameMotion]
) -> tuple[SubjectPlace, ...]:
    """Where the subject is at the frames' times, in order; no place where nothing says so.

    A face, once chosen, is followed as long as it is seen, and over short gaps. Saliency counts
    only where there is neither face nor movement in any of the frames.
    """
    path = _face_path(frames)
    for frame in frames:
        if all(abs(place.time_s - frame.time_s) > _SAME_TIME_S for place in path):
            box = moving_subject(_motions_about(frame.time_s, motions))
            if box is not None:
                path.append(SubjectPlace(frame.time_s, box, "motion"))
    if not path:
        path = [
            SubjectPlace(frame.time_s, box, "saliency")
            for frame in frames
            if (box := salient(frame.luma)) is not None
        ]
    return tuple(sorted(path))


def absences(frames: Sequence[SeenFrame], path: Sequence[SubjectPlace]) -> tuple[Span, ...]:
    """When the face or the movement of a path has left, or has not come yet, in order of time.

    What was last seen at the frame's edge has left, from when it first touched that edge on its way
    out. What was last seen inside stands still or has turned away, unless the frame is bare.
    """
    followed = [place for place in path if place.source in ("face", "motion")]
    return tuple(sorted((*_departures(frames, followed), *_bare_spans(frames, followed))))


def _departures(frames: Sequence[SeenFrame], followed: Sequence[SubjectPlace]) -> Iterator[Span]:
    """The spans between two sightings in which the subject is outside the frame."""
    if not followed:
        return
    followed_s = {place.time_s for place in followed}
    for before, after in pairwise([None, *followed, None]):
        first_s = frames[0].time_s if before is None else before.time_s
        last_s = frames[-1].time_s if after is None else after.time_s
        empty = [
            frame
            for frame in frames
            if first_s <= frame.time_s <= last_s and frame.time_s not in followed_s
        ]
        if len(empty) >= _GONE_FRAMES and _comes_and_goes(before or after):
            left_s = min(first_s - _reach_s(before), _leaving_s(followed, before))
            yield Span(left_s, last_s + _reach_s(after))


def _bare_spans(frames: Sequence[SeenFrame], followed: Sequence[SubjectPlace]) -> Iterator[Span]:
    """The spans in which no subject is followed and next to nothing is in view.

    None where there is never more than that: of a field of snow or a sky, nothing is missing.
    """
    if not followed and all(frame.is_bare for frame in frames):
        return
    followed_s = {place.time_s for place in followed}
    runs = groupby(frames, key=lambda frame: frame.time_s not in followed_s and frame.is_bare)
    for bare, run in runs:
        run_frames = list(run)
        if bare and len(run_frames) >= _GONE_FRAMES:
            yield Span(run_frames[0].time_s, run_frames[-1].time_s)


def is_bare(luma: Plane) -> bool:
    """Whether there is next to nothing in a frame: an empty road, wall or sky."""
    smooth = cv2.GaussianBlur(luma, (0, 0), max(luma.shape) * _BARE_BLUR).astype(np.float32)
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    steep = np.hypot(across, down) > _STEEP
    return float(steep.mean()) < _MAX_BARE_EDGES


def _reach_s(place: SubjectPlace | None) -> float:
    """How far from its time a place may be taken from: movement says where it was or will be."""
    return _MOTION_WINDOW_S if place is not None and place.source == "motion" else 0.0


def _leaving_s(followed: Sequence[SubjectPlace], last: SubjectPlace | None) -> float:
    """When the subject that was last seen at a side of the frame first touched that side.

    Infinity for one that was last seen elsewhere, or stood there.
    """
    if last is None or not _is_at_side(last.box):
        return inf
    until = [place for place in followed if place.time_s <= last.time_s]
    touching = list(takewhile(lambda place: _is_at_side(place.box), reversed(until)))
    first_s = touching[-1].time_s
    return first_s if first_s >= last.time_s - _MAX_LEAVING_S else inf


def _is_at_side(box: Box) -> bool:
    return box.x < _EDGE or box.x + box.width > 1 - _EDGE


def _comes_and_goes(place: SubjectPlace | None) -> bool:
    """Whether a place is where things enter the frame and leave it.

    What stands on the ground may be cut by the lower edge for good.
    """
    if place is None:
        return False
    box = place.box
    at_top_or_bottom = box.y < _EDGE or box.y + box.height > 1 - _EDGE
    return _is_at_side(box) or (box.height < _SMALL and at_top_or_bottom)


def person_around(face: Box) -> Box:
    """The face with its shoulders, and air above it."""
    return box_around(
        face.x + face.width / 2,
        face.y + face.height * 0.8,
        face.width * _PERSON_TO_FACE,
        face.height * _PERSON_TO_FACE,
    )


def _face_path(frames: Sequence[SeenFrame]) -> list[SubjectPlace]:
    """The path of the face that is largest at first, then of the one nearest to it.

    Gaps are bridged in a straight line.
    """
    sightings = _sightings(frames)
    path = [SubjectPlace(time_s, person_around(face), "face") for time_s, face in sightings]
    for (earlier_s, earlier), (later_s, later) in pairwise(sightings):
        if later_s - earlier_s > _MAX_BRIDGED_S:
            continue
        for frame in frames:
            if earlier_s < frame.time_s < later_s:
                share = (frame.time_s - earlier_s) / (later_s - earlier_s)
                face = _between(earlier, later, share)
                path.append(SubjectPlace(frame.time_s, person_around(face), "face"))
    return path


def _sightings(frames: Sequence[SeenFrame]) -> list[tuple[float, Box]]:
    """The face that is followed, in each frame that shows faces."""
    sightings: list[tuple[float, Box]] = []
    for frame in frames:
        if not frame.faces:
            continue
        face = frame.faces[0]
        if sightings and frame.time_s - sightings[-1][0] <= _MAX_BRIDGED_S:
            last = sightings[-1][1]
            near = min(frame.faces, key=lambda box: distance(box, last))
            face = near if distance(near, last) <= _MAX_ROAM * last.width else face
        sightings.append((frame.time_s, face))
    return sightings


def _between(earlier: Box, later: Box, share: float) -> Box:
    """The box on the straight way from one to the other."""
    return Box(
        x=earlier.x + share * (later.x - earlier.x),
        y=earlier.y + share * (later.y - earlier.y),
        width=earlier.width + share * (later.width - earlier.width),
        height=earlier.height + share * (later.height - earlier.height),
    )


def _motions_about(time_s: float, motions: Sequence[FrameMotion]) -> list[FrameMotion]:
    first_s, last_s = time_s - _MOTION_WINDOW_S, time_s + _MOTION_WINDOW_S
    return [motion for motion in motions if first_s < motion.time_s <= last_s]


def salient(luma: Plane) -> Box | None:
    """Where a frame stands out from itself; None when that is all over."""
    energy = _saliency_map(luma)
    everywhere = float(energy.sum())
    if everywhere <= 0:
        return None

    # Of things that stand apart the one that stands out most, not the gap between them.
    columns = energy.shape[1]
    window = max(1, round(_THING_WIDTH * columns))
    first = int(np.argmax(np.convolve(energy.sum(axis=0), np.ones(window), mode="valid")))
    energy[:, :first] = energy[:, first + window :] = 0
    if float(energy.sum()) < _MIN_THING_SHARE * everywhere:
        return None

    x, y, x_spread, y_spread = spread_of(energy)
    width, height = _COVERED_SPREADS * x_spread, _COVERED_SPREADS * y_spread
    if width * height * _EDGES_OF_BOX > _MAX_SALIENT_SHARE:
        return None
    return box_around(
        x,
        y,
        max(_SHOWN_SPREADS * x_spread, _MIN_SALIENT_SIDE),
        max(_SHOWN_SPREADS * y_spread, _MIN_SALIENT_SIDE),
    )


def _saliency_map(luma: Plane) -> NDArray[np.float32]:
    """How much each place stands out (spectral residual, Hou and Zhang 2007)."""
    scale = _SALIENT_SIDE / max(luma.shape)
    size = (max(8, round(luma.shape[1] * scale)), max(8, round(luma.shape[0] * scale)))
    small = cv2.resize(luma, size, interpolation=cv2.INTER_AREA).astype(np.float32)

    spectrum = np.fft.fft2(small)
    log = np.log(np.abs(spectrum) + 1e-6).astype(np.float32)
    residual = np.exp(log - cv2.blur(log, (3, 3)) + 1j * np.angle(spectrum))
    energy = (np.abs(np.fft.ifft2(residual)) ** 2).astype(np.float32)
    smooth = cv2.GaussianBlur(energy, (0, 0), 2.5)
    background = np.percentile(smooth, _BACKGROUND_PERCENTILE)
    return np.asarray(np.maximum(smooth - background, 0), dtype=np.float32)
