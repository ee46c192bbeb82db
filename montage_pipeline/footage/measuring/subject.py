"""Where to look in a moment as time goes by: at a face, else where it moves, else where the picture
stands out.

Belongs here: places with times. Does not belong here: how a crop follows them (editing).
"""

from collections.abc import Sequence
from itertools import groupby, pairwise, takewhile
from math import inf
from typing import Literal, NamedTuple

import cv2
import numpy as np

from montage_pipeline.footage.measuring.movement import Step, box_around, moving_subject
from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline.footage.model import Box
from montage_pipeline.spans import Span

_FACE_TO_PERSON = 2.2
_BRIDGED_S = 1.5  # without a face between two sightings of it
_MOVING_S = 0.5  # of movement to each side that says where it is
_SALIENT_SIDE = 64
_SALIENT_SHARE = 0.35  # of the picture: wider than this, it stands out nowhere in particular
_ONE_THING = 0.35  # of its width: no thing is taken to be wider
_MOST_OF_IT = 0.6  # of all that stands out, in that width; with less it is texture
_GONE_PICTURES = 2  # in a row
_EDGE = 0.06  # of the picture's side
# the longest that going out of the picture takes; who is cut by its side for longer stands there
_LEAVING_S = 1.5
_SMALL = 0.3  # of the picture's height
_STEEP, _BARE = (
    48.0,
    0.018,
)  # Sobel's levels of an edge, and the share of edges in a picture below which nothing is in it
_ROAMING_FACE = 1.6  # face widths between one sighting and the next that are still the same face


class Place(NamedTuple):
    """Where the subject is at a presentation time (s)."""

    time_s: float
    box: Box
    source: Literal["face", "motion", "saliency"]


class Seen(NamedTuple):
    """One picture: its time (s), the faces in it (largest first), and its upright luma."""

    time_s: float
    faces: tuple[Box, ...]
    luma: Plane


def subject_path(pictures: Sequence[Seen], steps: Sequence[Step]) -> tuple[Place, ...]:
    """Where the subject is at the pictures' times, in order; no place at times when nothing says
    so.

    A face, once chosen, is followed as long as it is seen, and over short gaps; saliency speaks
    only where there is neither face nor
    movement in all of the stretch.
    """
    path = _faces(pictures)
    for time_s in (picture.time_s for picture in pictures):
        if all(abs(place.time_s - time_s) > 1e-6 for place in path):
            near = [
                step for step in steps if time_s - _MOVING_S < step.time_s <= time_s + _MOVING_S
            ]
            if (box := moving_subject(near)) is not None:
                path.append(Place(time_s, box, "motion"))
    if not path:
        path = [
            Place(one.time_s, box, "saliency")
            for one in pictures
            if (box := salient(one.luma)) is not None
        ]
    return tuple(sorted(path))


def absences(pictures: Sequence[Seen], path: Sequence[Place]) -> tuple[Span, ...]:
    """Parts of a stretch that the face or the movement of its path has left, or has not entered
    yet, in order of time.

    What was last seen at the picture's edge has left, from when it first touched that edge on its
    way out; what was last seen inside the
    picture stands still or has turned away, unless the picture is bare. A single picture without a
    place is no absence: it may have been
    missed.
    """
    followed = [place for place in path if place.source in ("face", "motion")]
    found: list[Span] = []
    for before, after in pairwise([None, *followed, None]):
        if before is None and after is None:
            break
        first_s, last_s = (
            pictures[0].time_s if before is None else before.time_s,
            pictures[-1].time_s if after is None else after.time_s,
        )
        without = [
            one
            for one in pictures
            if first_s <= one.time_s <= last_s
            and all(one.time_s != place.time_s for place in followed)
        ]
        if len(without) >= _GONE_PICTURES and _at_edge(before or after):
            # Movement is said to be where it was or will be up to _MOVING_S away.
            early_s, late_s = (
                _MOVING_S if place is not None and place.source == "motion" else 0.0
                for place in (before, after)
            )
            found.append(
                Span(min(first_s - early_s, _leaving_s(followed, before)), last_s + late_s)
            )
    seen_s = {place.time_s for place in followed}
    for bare, group in groupby(
        pictures, key=lambda one: one.time_s not in seen_s and is_bare(one.luma)
    ):
        run = list(group)
        if bare and len(run) >= _GONE_PICTURES:
            found.append(Span(run[0].time_s, run[-1].time_s))
    return tuple(sorted(found))


def is_bare(luma: Plane) -> bool:
    """Whether there is next to nothing in a picture: a road, a wall or a sky without anything on
    it.
    """
    smooth = cv2.GaussianBlur(luma, (0, 0), max(luma.shape) / 512).astype(np.float32)
    steep = (
        np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)) > _STEEP
    )
    return float(steep.mean()) < _BARE


def _leaving_s(followed: Sequence[Place], last: Place | None) -> float:
    """When that which was last seen at a side of the picture first touched it; infinity for what
    was seen elsewhere, or stood there.
    """
    if last is None or not _beside(last.box):
        return inf
    until = [place for place in followed if place.time_s <= last.time_s]
    touched = list(takewhile(lambda place: _beside(place.box), reversed(until)))
    return touched[-1].time_s if touched[-1].time_s >= last.time_s - _LEAVING_S else inf


def _beside(box: Box) -> bool:
    return box.x < _EDGE or box.x + box.width > 1 - _EDGE


def _at_edge(place: Place | None) -> bool:
    """Whether it is where things come into the picture and leave it.

    What stands on the ground may be cut by the lower edge for good.
    """
    if place is None:
        return False
    box = place.box
    above = box.height < _SMALL and (box.y < _EDGE or box.y + box.height > 1 - _EDGE)
    return _beside(box) or above


def person_around(face: Box) -> Box:
    """The face with its shoulders, and air above it."""
    middle_y = face.y + face.height * 0.8
    return box_around(
        face.x + face.width / 2,
        middle_y,
        face.width * _FACE_TO_PERSON,
        face.height * _FACE_TO_PERSON,
    )


def _faces(pictures: Sequence[Seen]) -> list[Place]:
    """The way of the face that is largest at first, then of the one nearest to it; gaps are bridged
    in a straight line.
    """
    sightings: list[tuple[float, Box]] = []
    for picture in pictures:
        if not picture.faces:
            continue
        face = picture.faces[0]
        if sightings and picture.time_s - sightings[-1][0] <= _BRIDGED_S:
            last = sightings[-1][1]
            near = min(picture.faces, key=lambda box: _apart(box, last))
            face = near if _apart(near, last) <= _ROAMING_FACE * last.width else face
        sightings.append((picture.time_s, face))
    path = [Place(time_s, person_around(face), "face") for time_s, face in sightings]
    for (one_s, one), (other_s, other) in pairwise(sightings):
        if other_s - one_s > _BRIDGED_S:
            continue
        for time_s in (picture.time_s for picture in pictures if one_s < picture.time_s < other_s):
            share = (time_s - one_s) / (other_s - one_s)
            between = [
                a + share * (b - a)
                for a, b in zip(one.model_dump().values(), other.model_dump().values(), strict=True)
            ]
            path.append(
                Place(
                    time_s,
                    person_around(
                        Box(**dict(zip(("x", "y", "width", "height"), between, strict=True)))
                    ),
                    "face",
                )
            )
    return path


def _apart(one: Box, other: Box) -> float:
    return float(
        np.hypot(
            one.x + one.width / 2 - other.x - other.width / 2,
            one.y + one.height / 2 - other.y - other.height / 2,
        )
    )


def salient(luma: Plane) -> Box | None:
    """Where a picture stands out from itself (spectral residual, Hou and Zhang 2007);

    None when that is all over.
    """
    scale = _SALIENT_SIDE / max(luma.shape)
    size = (max(8, round(luma.shape[1] * scale)), max(8, round(luma.shape[0] * scale)))
    spectrum = np.fft.fft2(cv2.resize(luma, size, interpolation=cv2.INTER_AREA).astype(np.float32))
    log = np.log(np.abs(spectrum) + 1e-6).astype(np.float32)
    residual = np.exp(log - cv2.blur(log, (3, 3)) + 1j * np.angle(spectrum))
    energy = cv2.GaussianBlur((np.abs(np.fft.ifft2(residual)) ** 2).astype(np.float32), (0, 0), 2.5)
    energy = np.asarray(np.maximum(energy - np.percentile(energy, 75), 0), dtype=np.float32)
    everywhere = float(energy.sum())
    if everywhere <= 0:
        return None
    rows, columns = energy.shape
    # Of things that stand apart the one that stands out most, not the gap between them.
    window = max(1, round(_ONE_THING * columns))
    first = int(np.argmax(np.convolve(energy.sum(axis=0), np.ones(window), mode="valid")))
    energy[:, :first] = energy[:, first + window :] = 0
    total = float(energy.sum())
    if total < _MOST_OF_IT * everywhere:
        return None
    across, down = energy.sum(axis=0) / total, energy.sum(axis=1) / total
    x_axis, y_axis = (np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows
    x, y = float((across * x_axis).sum()), float((down * y_axis).sum())
    spread_x = float(np.sqrt((across * (x_axis - x) ** 2).sum()))
    spread_y = float(np.sqrt((down * (y_axis - y) ** 2).sum()))
    if 4 * spread_x * 4 * spread_y * 0.6 > _SALIENT_SHARE:
        return None
    return box_around(x, y, max(2.8 * spread_x, 0.1), max(2.8 * spread_y, 0.1))
