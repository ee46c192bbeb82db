"""Sound as samples in memory: their type, their rate, and the way to that rate."""

from math import ceil
from typing import cast

import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from montage_pipeline.media.resampling import Resampling

SAMPLE_RATE = 48_000
"""Samples per second of everything that is mixed."""

Samples = NDArray[np.float32]
"""Shape (samples, 2), full scale 1.0, 48 kHz."""


def resampled(sound: Samples, rate: int) -> Samples:
    """The sound at 48 kHz, in step with itself: sample 0 stays at time 0."""
    if rate == SAMPLE_RATE or not len(sound):
        return sound
    whole = AudioFrame.from_ndarray(np.ascontiguousarray(sound.T), format="fltp", layout="stereo")
    whole.sample_rate = rate
    resampling = Resampling("fltp", "stereo", SAMPLE_RATE)
    frames = [*resampling.add(whole), *resampling.rest()]
    # Of a few samples the filter may give none.
    parts = [frame.to_ndarray() for frame in frames] or [np.zeros((2, 0), np.float32)]
    at_rate = np.concatenate(parts, axis=1).T

    due = ceil(len(sound) * SAMPLE_RATE / rate)
    return cast(Samples, np.pad(at_rate, ((0, max(0, due - len(at_rate))), (0, 0)))[:due])
