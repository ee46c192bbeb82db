"""What sound is here: samples x 2 at one rate."""

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 48_000

Stereo = NDArray[np.float32]
"""Samples x 2, full scale 1.0."""
