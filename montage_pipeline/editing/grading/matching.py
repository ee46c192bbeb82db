"""Which grade each segment of a Reel gets: towards the Reel's own exposure and white balance, and
with the style's look, within limits.

The Reel's own figures are the medians over its segments, weighted by their length: what most of it
looks like, not the mean that one odd clip drags away.

Belongs here: the choice and its limits. Does not belong here: measuring, or applying a grade.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from montage_pipeline.editing.decoded.segment_frames import SegmentFrames
from montage_pipeline.editing.grading.colours import Colours, graded, to_lab, to_ycc
from montage_pipeline.editing.grading.crops import segment_crop
from montage_pipeline.editing.grading.measures import SegmentColours, mean_hue_deg
from montage_pipeline.editing.timeline import Grade, ReelColours, Timeline
from montage_pipeline.styles import style_of
from montage_pipeline.styles.model import LookTaste

_EXPOSURE_PULL = 0.85
"""Share of the way to the Reel's own lightness: a cut from inside to outside stays one."""

_GAMMA_LIMITS = (0.68, 1.32)
"""About 0.8 stops of mid-grey either way; beyond it noise shows, or skies turn grey."""

_NIGHT_KEY, _DAY_KEY = 5.0, 25.0
"""Median L* at which a segment is not brightened at all, and from which it may be fully. A street
at night has most of its pixels below 15.
"""

_BRIGHT_KEY, _WHITE_KEY = 72.0, 92.0
"""Median L* up to which a segment may be fully darkened, and from which it is not at all: a white
studio is meant to be white.
"""

_CAMERAS_APART, _SCENES_APART = 10.0, 20.0
"""Up to the first (mean L*) two segments differ as two cameras' exposures do (half a stop is about
10), and neither night nor white keeps one from the other; from the second on they are two scenes.
"""

_TINT_PULL = 0.75
"""Share of the way to the Reel's own tint."""

_TINT_NOISE = 2.5
"""In a*b*: the estimate is off by about as much (median over 25 clips), so a smaller difference is
none.
"""

_MAX_TINT_SHIFT = 5.0
"""In a*b*: the difference between two cameras' automatic white balances; more is a coloured light
that the scene is about.
"""

_SURE_TINT, _UNSURE_TINT = 8.0, 24.0
"""Up to the first (a*b*) a tint is the camera's; from the second it is the scene's: a sunset, a
stage, a forest.
"""

_CHROMA_PULL = 0.5
_CHROMA_LIMITS = (0.88, 1.12)
"""Factors on chroma: what is pale stays so beside what is vivid, or its tint would show."""

MAX_SKIN_HUE_DEG = 3.0
"""How far the hue of skin may move: from about here people look unwell."""

_SKIN_MARGIN = 0.6
"""Of that limit: a face is not the mean of what has its colours, and pixels have whole levels."""

_SKIN_GROUPS = 4
"""That each keep their hue."""

_STEPS = 12
"""Halvings of a range: finer than a level of 255."""


def matched_timeline(timeline: Timeline, frames: Mapping[int, SegmentFrames]) -> Timeline:
    """The timeline with a grade on every segment, of which all have frames inside.

    The same footage gives the same grades.
    """
    crops = [
        segment_crop(timeline, number, frames[number]) for number in range(len(timeline.segments))
    ]
    weights = [segment.frames for segment in timeline.segments]
    measured = [SegmentColours.of(crop) for crop in crops]
    target = _target(measured, weights)
    grades = _grades(crops, measured, target, style_of(timeline.style).look)
    segments = tuple(
        segment.model_copy(update={"grade": grade})
        for segment, grade in zip(timeline.segments, grades, strict=True)
    )
    return timeline.model_copy(update={"segments": segments, "colours": target})


def matched_to_the_rest(
    timeline: Timeline, numbers: Sequence[int], frames: Mapping[int, SegmentFrames]
) -> Timeline:
    """The timeline with a grade on these segments, which have frames inside, towards its `colours`;
    the others stay as they are.
    """
    assert timeline.colours is not None
    segments = list(timeline.segments)
    crops = [segment_crop(timeline, number, frames[number]) for number in numbers]
    measured = [SegmentColours.of(crop) for crop in crops]
    grades = _grades(crops, measured, timeline.colours, style_of(timeline.style).look)
    for number, grade in zip(numbers, grades, strict=True):
        segments[number] = segments[number].model_copy(update={"grade": grade})
    return timeline.model_copy(update={"segments": tuple(segments)})


def matched_grades(
    crops: Sequence[Colours], weights: Sequence[int], look: LookTaste
) -> list[Grade]:
    """A grade for each segment's crop (R'G'B' 0..1, shape (frames, height, width, 3)).

    `weights` are the segments' lengths.
    """
    measured = [SegmentColours.of(crop) for crop in crops]
    return _grades(crops, measured, _target(measured, weights), look)


def _grades(
    crops: Sequence[Colours],
    measured: Sequence[SegmentColours],
    target: ReelColours,
    look: LookTaste,
) -> list[Grade]:
    return [
        _safe_for_skin(_grade(crop, colours, target, look), colours)
        for crop, colours in zip(crops, measured, strict=True)
    ]


def _target(measured: Sequence[SegmentColours], weights: Sequence[int]) -> ReelColours:
    def middle(figure: Callable[[SegmentColours], float]) -> float:
        return _weighted_median([figure(colours) for colours in measured], weights)

    return ReelColours(
        lightness=middle(lambda colours: colours.lightness),
        chroma=middle(lambda colours: colours.chroma),
        tint=(middle(lambda colours: colours.tint[0]), middle(lambda colours: colours.tint[1])),
    )


def _grade(crop: Colours, colours: SegmentColours, target: ReelColours, look: LookTaste) -> Grade:
    gamma = _gamma(crop, colours, target.lightness)
    brighter = to_ycc(graded(crop, Grade(gamma=gamma)))[..., 0].mean()
    # Colour grows with light, but half as fast as in a camera: so does its noise.
    growth = float(brighter / max(to_ycc(crop)[..., 0].mean(), 1e-3)) ** 0.5
    red, blue = _tint_shift(colours.tint, target.tint)
    return Grade(
        gamma=round(gamma, 4),
        contrast=look.contrast,
        saturation=round(_chroma_factor(colours, target.chroma) * growth * look.saturation, 4),
        red=round(red + look.warmth, 5),
        blue=round(blue - look.warmth, 5),
    )


def _gamma(crop: Colours, colours: SegmentColours, target: float) -> float:
    """The gamma that brings the mean lightness as near to what is wanted as the limits allow."""
    wanted = colours.lightness + _EXPOSURE_PULL * (target - colours.lightness)
    brightest, darkest = _GAMMA_LIMITS
    by_camera = _share(abs(target - colours.lightness), _SCENES_APART, _CAMERAS_APART)
    low = 1 + (brightest - 1) * max(by_camera, _share(colours.key, _NIGHT_KEY, _DAY_KEY))
    high = 1 + (darkest - 1) * max(by_camera, _share(colours.key, _WHITE_KEY, _BRIGHT_KEY))
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if to_lab(graded(crop, Grade(gamma=middle)))[..., 0].mean() > wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _chroma_factor(colours: SegmentColours, target: float) -> float:
    ratio = target / max(colours.chroma, 1e-3)
    return float(np.clip(ratio**_CHROMA_PULL, *_CHROMA_LIMITS))


def _tint_shift(tint: tuple[float, float], target: tuple[float, float]) -> tuple[float, float]:
    """What must be added to Cr and Cb of grey, as shares of Y'."""
    away = np.subtract(target, tint)
    distance = float(np.hypot(*away))
    trust = _share(float(np.hypot(*tint)), _UNSURE_TINT, _SURE_TINT)
    wanted = min(_MAX_TINT_SHIFT, _TINT_PULL * trust * max(0.0, distance - _TINT_NOISE))
    shift = wanted / max(distance, 1e-6) * away
    red, blue = np.linalg.solve(_tint_response(), shift)
    return float(red), float(blue)


def _tint_response() -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """By how much a* and b* of mid-grey change with Cr and Cb, columns in that order."""
    step, grey = 0.01, np.full((1, 3), 0.5, np.float32)
    shifted = [graded(grey, Grade(red=step)), graded(grey, Grade(blue=step))]
    columns = [(to_lab(colour) - to_lab(grey))[0, 1:] / step for colour in shifted]
    return np.stack(columns, axis=1).astype(np.float64)


def _share(value: float, zero_at: float, one_at: float) -> float:
    """0 at one end, 1 at the other, straight in between; works in both directions."""
    return float(np.clip((value - zero_at) / (one_at - zero_at), 0, 1))


def _safe_for_skin(grade: Grade, colours: SegmentColours) -> Grade:
    """As much of the grade as leaves skin its hue: first less tint, then less of everything."""
    if not len(colours.skin):
        return grade
    groups = _skin_groups(colours.skin)
    before = [mean_hue_deg(group) for group in groups]

    def is_safe(candidate: Grade) -> bool:
        moved = [mean_hue_deg(graded(group, candidate)) for group in groups]
        turned = (np.subtract(moved, before) + 180) % 360 - 180
        return float(np.abs(turned).max()) <= _SKIN_MARGIN * MAX_SKIN_HUE_DEG

    untinted = grade.model_copy(update={"red": 0.0, "blue": 0.0})
    start, end = (untinted, grade) if is_safe(untinted) else (Grade(), untinted)
    if is_safe(end):
        return end
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        share = (low + high) / 2
        low, high = (share, high) if is_safe(_between(start, end, share)) else (low, share)
    return _between(start, end, low)


def _skin_groups(skin: Colours) -> list[Colours]:
    """Skin and what has its colours, by chroma: a tint turns pale colours most, and they may be the
    person.
    """
    _, a, b = np.moveaxis(to_lab(skin), -1, 0)
    return np.array_split(skin[np.argsort(np.hypot(a, b), kind="stable")], _SKIN_GROUPS)


def _between(start: Grade, end: Grade, share: float) -> Grade:
    first, last = start.model_dump(), end.model_dump()
    return Grade(
        **{name: round(first[name] + share * (last[name] - first[name]), 5) for name in first}
    )


def _weighted_median(values: Sequence[float], weights: Sequence[int]) -> float:
    order = np.argsort(values, kind="stable")
    heaped = np.cumsum(np.asarray(weights)[order])
    return float(np.asarray(values)[order][np.searchsorted(heaped, heaped[-1] / 2)])
