"""How a clip looks from instant to instant, beside its usual self.

Belongs here: telling the better instants of one clip from the worse.
Does not belong here: comparing clips (scoring), what makes footage unusable (faults).

In labelled footage the seconds that an editor would never show differ from the good ones of the
same clip by less sharpness (in 7 of 8 clips), less colour (7 of 8) and more raw movement (6 of 8):
a hand over the lens, a whip pan, the camera being put down.
"""

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.analysis.model import Instant
from montage_pipeline.footage.measuring import movement
from montage_pipeline.footage.measuring.measures import SAMPLE_S, ClipMeasures
from montage_pipeline.spans import Span

# One unit of each score, on its scale of 0 to 1, beside the others; their ranges within a clip
# differ by about as much.
_SHARPNESS, _COLOUR, _EXPOSURE, _MOTION = 3.0, 2.0, 1.0, -0.7

_SMOOTHING = np.array([0.25, 0.5, 0.25])  # one blurred frame is no reason to cut away


def instants_of(clip: ClipMeasures) -> tuple[Instant, ...]:
    """The score of every sample, in order of time."""
    if not clip.samples:
        return ()
    figures = np.asarray(
        [
            (sample.sharpness, sample.colour, sample.exposure.score, _motion(clip, sample.time_s))
            for sample in clip.samples
        ]
    )
    beside_usual = figures - np.median(figures, axis=0)
    scores = _smoothed(beside_usual @ np.array([_SHARPNESS, _COLOUR, _EXPOSURE, _MOTION]))
    return tuple(
        Instant(time_s=round(sample.time_s, 4), score=round(float(score), 4))
        for sample, score in zip(clip.samples, np.clip(scores, -1, 1), strict=True)
    )


def _motion(clip: ClipMeasures, time_s: float) -> float:
    half_s = SAMPLE_S / 2
    about = Span(time_s - half_s, time_s + half_s)
    return movement.energy([motion for motion in clip.motions if about.holds(motion.time_s)])


def _smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.convolve(np.pad(values, 1, mode="edge"), _SMOOTHING, "valid")
