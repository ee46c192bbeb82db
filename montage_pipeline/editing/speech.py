"""Where a cut would break off who talks.

Belongs here: which times of a clip lie in a phrase or too near to its ends. Does not belong here:
hearing phrases (footage), or what a broken phrase costs (optimizer).
"""

import numpy as np

from montage_pipeline.analysis.model import AnalysedClip
from montage_pipeline.editing.moment_table import Floats

EDGE_S = 0.12
"""How far a cut stays from where a phrase begins or ends: the detector is a block or two late, and
first and last sounds are soft.
"""


def breaks_off(clip: AnalysedClip, at_s: Floats) -> Floats:
    """1 for each time (seconds, of the clip) at which a cut would break off a phrase, else 0."""
    inside = np.zeros(len(at_s), dtype=np.float64)
    for phrase in clip.phrases:
        inside[(at_s > phrase.start_s - EDGE_S) & (at_s < phrase.end_s + EDGE_S)] = 1.0
    return inside
