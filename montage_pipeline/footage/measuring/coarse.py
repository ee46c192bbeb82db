"""A first look over all of a clip, at a cost that does not grow with its length: some keyframes.

Belongs here: which keyframes are looked at, and what is noted of each. Does not belong here:
measuring movement or finding shot changes, for which neighbouring frames are needed (measure);
deciding where to look closely (analysis.scan).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from av.video.frame import VideoFrame

from montage_pipeline.footage.decoding.keyframes import decode_keyframes
from montage_pipeline.footage.decoding.packets import IndexedClip, frame_work
from montage_pipeline.footage.measuring import still
from montage_pipeline.footage.measuring.faces import faces_in
from montage_pipeline.footage.measuring.planes import Plane, planes_of, small_chroma, small_luma
from montage_pipeline.footage.model import Box, ClipFacts

# Longer sides, in pixels, of what faces and sharpness, light, and colour are measured in.
_SIDE, _LIGHT_SIDE, _COLOUR_SIDE = 512, 160, 40
_SPACING_S = 1.0  # between keyframes that are looked at; nearer ones tell little more


@dataclass(frozen=True)
class Glance:
    """One keyframe as it looks by itself. `luma` is upright, its longer side at most 512 pixels."""

    time_s: float
    luma: Plane
    sharpness: float
    exposure: still.Exposure
    colour: float
    fingerprint: int
    faces: tuple[Box, ...]


def glance_over(clip: IndexedClip, max_work: float, min_count: int = 3) -> tuple[Glance, ...]:
    """Look at keyframes spread evenly over the clip, in order of time.

    As many as `max_work` (megapixels) pays for, but at least `min_count`. Damaged ones are left
    out; there may be none.
    """
    chosen = _chosen_s(clip, max_work, min_count)
    glances = [
        glance(time_s, frame, clip.facts) for time_s, frame in decode_keyframes(clip, chosen)
    ]
    return tuple(sorted(glances, key=lambda glance: glance.time_s))


def glance(time_s: float, frame: VideoFrame, facts: ClipFacts) -> Glance:
    """Look at one frame."""
    planes = planes_of(frame, facts)
    luma, light = small_luma(planes, facts, _SIDE), small_luma(planes, facts, _LIGHT_SIDE)
    return Glance(
        time_s=time_s,
        luma=luma,
        sharpness=still.sharpness(luma),
        exposure=still.exposure(light),
        colour=still.colourfulness(*small_chroma(planes, facts, _COLOUR_SIDE)),
        fingerprint=still.fingerprint(light),
        faces=tuple(faces_in(luma)),
    )


def _chosen_s(clip: IndexedClip, max_work: float, min_count: int) -> Sequence[float]:
    """Times of the keyframes to look at."""
    facts, packets = clip.facts, clip.packets
    keyframes_s = packets.key_times_s
    if not len(keyframes_s):
        return ()
    usual_bytes = float(packets.sizes[packets.keys].mean()) if packets.complete else 0.0
    affordable = max_work // frame_work(facts, usual_bytes)
    count = round(max(min_count, min(affordable, facts.duration_s / _SPACING_S)))
    if len(keyframes_s) <= count:
        return [float(key_s) for key_s in keyframes_s]

    wanted_s = facts.start_s + facts.duration_s * (np.arange(count) + 0.5) / count
    nearest = (int(np.argmin(np.abs(keyframes_s - time_s))) for time_s in wanted_s)
    return sorted({float(keyframes_s[place]) for place in nearest})
