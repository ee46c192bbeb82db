"""What a clip's times claim, and what of it cannot be: see `media.plausible`.

Belongs here: saying so before anything is planned by these numbers. Does not belong here: sizes of
frames (geometry), sound (tracks).
"""

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.media.plausible import (
    MAX_DURATION_S,
    MAX_FRAMES,
    MAX_FRAMES_PER_S,
    MAX_GAP_S,
)

_FEW_FRAMES = 100  # whose rate says nothing: times of a short file may be rounded together


def refuse_duration(duration_s: float) -> None:
    """Raise PermanentError(CLIP_IMPLAUSIBLE) for a clip longer than any."""
    if not duration_s <= MAX_DURATION_S:
        raise _implausible(f"it claims to be {_span(duration_s)} long")


def refuse_times(times_s: NDArray[np.float64]) -> None:
    """Raise PermanentError(CLIP_IMPLAUSIBLE) for presentation times (s, ascending) no clip has."""
    if len(times_s) > MAX_FRAMES:
        raise _implausible(f"it holds {len(times_s):,} frames; the limit is {MAX_FRAMES:,}")
    if len(times_s) < 2:
        return
    longest_s = float(np.diff(times_s).max())
    if longest_s > MAX_GAP_S:
        raise _implausible(f"its clock leaps ahead by {_span(longest_s)} between two frames")
    lasts_s = float(times_s[-1] - times_s[0])
    if len(times_s) > _FEW_FRAMES and len(times_s) > MAX_FRAMES_PER_S * lasts_s:
        raise _implausible(f"it claims {len(times_s):,} frames within {lasts_s:.3g} s")


def _implausible(claim: str) -> PermanentError:
    return PermanentError(ErrorCode.CLIP_IMPLAUSIBLE, f"{claim}, which cannot be")


def _span(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:,.1f} hours" if hours < 100_000 else f"{seconds:.1e} seconds"
