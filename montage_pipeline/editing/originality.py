"""How little a Reel repeats itself, as a number and the parts it is made of."""

from collections.abc import Sequence
from itertools import pairwise
from math import log

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.timeline import Originality, OriginalityPart, Segment
from montage_pipeline.footage.model import FrameRate
from montage_pipeline.music.model import MusicTrack

DIFFERENT_LOOK_BITS = 16
"""Differing bits (of 64) from which two pictures count as fully different; unrelated pictures differ in about 32."""


def originality_report(segments: Sequence[Segment], analysis: ClipAnalysis, music: MusicTrack, fps: FrameRate) -> Originality:
    """The report on `segments` cut from the clips of `analysis` at `fps`, with music made for this Reel.

    The score is the weighted mean of the parts, 0..1.
    """
    parts = (
        _frames_used_once(segments, analysis, fps),
        _different_looks(segments, analysis),
        _clip_variety(segments, analysis),
        _recut(segments, analysis, fps),
        _own_music(music),
    )
    score = sum(part.score * part.weight for part in parts) / sum(part.weight for part in parts)
    return Originality(score=round(score, 4), parts=parts)


def _frames_used_once(segments: Sequence[Segment], analysis: ClipAnalysis, fps: FrameRate) -> OriginalityPart:
    """Copies of one file count as one file, so that the same picture by another name is still a repeat."""
    spans: dict[str, list[tuple[float, float]]] = {}
    total_s = repeated_s = 0.0
    for segment in segments:
        length_s = float(segment.frames / fps.fraction)
        file = analysis.clips[segment.clip].facts.sha256 or segment.clip_url
        spans.setdefault(file, []).append((segment.source_in_s, segment.source_in_s + length_s))
        total_s += length_s
    for used in spans.values():
        shown_until_s = float("-inf")
        for start_s, end_s in sorted(used):
            repeated_s += max(0.0, min(end_s, shown_until_s) - start_s)
            shown_until_s = max(shown_until_s, end_s)
    note = "No source frame is shown twice." if repeated_s < 1e-6 else f"{repeated_s:.2f} s of footage are shown more than once."
    return OriginalityPart(name="frames shown once", score=max(0.0, 1 - repeated_s / total_s), weight=3.0, note=note)


def _different_looks(segments: Sequence[Segment], analysis: ClipAnalysis) -> OriginalityPart:
    prints = [int(analysis.moment(segment.moment).fingerprint, 16) for segment in segments]
    if len(prints) < 2:
        return OriginalityPart(name="cuts look different", score=1.0, weight=2.0, note="There is one cut only.")
    nearest = [min((a ^ b).bit_count() for j, b in enumerate(prints) if j != i) for i, a in enumerate(prints)]
    score = sum(min(1.0, bits / DIFFERENT_LOOK_BITS) for bits in nearest) / len(nearest)
    alike = sum(bits < DIFFERENT_LOOK_BITS / 2 for bits in nearest)
    mean_bits = sum(nearest) / len(nearest)
    note = (
        f"A cut differs from the one most like it by {mean_bits:.0f} of 64 bits on average; {alike} of {len(nearest)} have a near likeness."
    )
    return OriginalityPart(name="cuts look different", score=score, weight=2.0, note=note)


def _clip_variety(segments: Sequence[Segment], analysis: ClipAnalysis) -> OriginalityPart:
    """Evenness of the cuts over the clips, measured against what this many cuts and clips could reach."""
    usable = sum(any(not moment.rejects for moment in clip.moments) for clip in analysis.clips)
    counts: dict[int, int] = {}
    for segment in segments:
        counts[segment.clip] = counts.get(segment.clip, 0) + 1
    reachable = min(len(segments), max(1, usable))
    note = f"{len(segments)} cuts from {len(counts)} of {usable} usable clips."
    if reachable == 1:
        return OriginalityPart(name="clip variety", score=1.0, weight=1.0, note=note)
    spread = -sum(count / len(segments) * log(count / len(segments)) for count in counts.values())
    each, rest = divmod(len(segments), reachable)
    ideal = [each + 1] * rest + [each] * (reachable - rest)
    most = -sum(count / len(segments) * log(count / len(segments)) for count in ideal if count)
    return OriginalityPart(name="clip variety", score=min(1.0, spread / most), weight=1.0, note=note)


def _recut(segments: Sequence[Segment], analysis: ClipAnalysis, fps: FrameRate) -> OriginalityPart:
    """A cut that goes on where the last one stopped shows the raw take, not an edit of it."""
    edited = 0
    for before, after in pairwise(segments):
        away_s = after.source_in_s - (before.source_in_s + float(before.frames / fps.fraction))
        edited += not (before.clip == after.clip and 0 <= away_s < 1.0)
    cuts = max(1, len(segments) - 1)
    score = edited / cuts if len(segments) > 1 else 1.0
    return OriginalityPart(
        name="edited, not the raw take",
        score=score,
        weight=1.0,
        note=f"{edited} of {len(segments) - 1} cuts change the picture's place or time.",
    )


def _own_music(music: MusicTrack) -> OriginalityPart:
    by = {"fal": f"fal ({music.model})" if music.model else "fal", "local": "the local composer"}[music.composer]
    return OriginalityPart(
        name="music made for this Reel", score=1.0, weight=1.0, note=f"Composed by {by} from this request's prompt, seed {music.seed}."
    )
