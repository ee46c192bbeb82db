"""How little a Reel repeats itself, as a number and the parts it is made of."""

from collections.abc import Sequence
from itertools import pairwise
from math import log

from montage_pipeline.analysis.model import ClipAnalysis, Moment
from montage_pipeline.editing.reframe import kept_share
from montage_pipeline.editing.timeline import Originality, OriginalityPart, Segment, Timeline
from montage_pipeline.footage.model import FrameRate
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.requests.seen import SeenSegment

ALIKE_BITS = 10
"""Two pictures whose fingerprints differ in fewer bits (of 64) look alike."""
DIFFERENT_LOOK_BITS = 16
"""Differing bits (of 64) from which two pictures count as fully different; unrelated pictures
differ in about 32.
"""

MARKS = ("borders", "watermark", "text")
"""What marks footage as taken from elsewhere, as codes of reasons to reject; the last two are kinds
of overlays too.
"""
_SHOWN_FROM = 0.2
"""Share of an overlay inside the crop from which it is seen."""
_HARDLY_ANY_S = 0.05


def marked_share(moment: Moment) -> float:
    """How much marks footage as taken from elsewhere: 1 with writing or a sign laid over the
    picture, else 0.
    """
    return float(bool(moment.overlays))


def footage_shown(timeline: Timeline, analysis: ClipAnalysis) -> tuple[SeenSegment, ...]:
    """What a Reel shows, as the planner of the user's next one wants it."""
    return tuple(
        SeenSegment(
            sha256=timeline.clips[segment.clip].sha256,
            start_s=segment.source_in_s,
            end_s=segment.source_in_s + float(segment.frames / timeline.fps.fraction),
            fingerprint=analysis.moment(segment.moment).fingerprint,
        )
        for segment in timeline.segments
    )


def originality_report(
    segments: Sequence[Segment],
    analysis: ClipAnalysis,
    music: MusicTrack,
    fps: FrameRate,
    seen: Sequence[SeenSegment] = (),
) -> Originality:
    """The report on `segments` cut from the clips of `analysis` at `fps`, with `seen` shown in the
    user's earlier Reels.

    The score is the weighted mean of the parts, 0..1; each part's note says what cost it points.
    """
    parts = (
        _frames_used_once(segments, analysis, fps),
        _different_looks(segments, analysis),
        _clip_variety(segments, analysis),
        _recut(segments, analysis, fps),
        _clean_picture(segments, analysis),
        _new_footage(segments, analysis, fps, seen),
        _own_music(music),
    )
    score = sum(part.score * part.weight for part in parts) / sum(part.weight for part in parts)
    return Originality(score=round(score, 4), parts=parts)


def _frames_used_once(
    segments: Sequence[Segment], analysis: ClipAnalysis, fps: FrameRate
) -> OriginalityPart:
    """Copies of one file count as one file, so that the same picture by another name is still a
    repeat.
    """
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
    note = (
        "No source frame is shown twice."
        if repeated_s < 1e-6
        else f"{repeated_s:.2f} s of footage are shown more than once."
    )
    return OriginalityPart(
        name="frames shown once", score=max(0.0, 1 - repeated_s / total_s), weight=3.0, note=note
    )


def _different_looks(segments: Sequence[Segment], analysis: ClipAnalysis) -> OriginalityPart:
    prints = [int(analysis.moment(segment.moment).fingerprint, 16) for segment in segments]
    if len(prints) < 2:
        return OriginalityPart(
            name="cuts look different", score=1.0, weight=2.0, note="There is one cut only."
        )
    nearest = [
        min(((a ^ b).bit_count(), j) for j, b in enumerate(prints) if j != i)
        for i, a in enumerate(prints)
    ]
    score = sum(min(1.0, bits / DIFFERENT_LOOK_BITS) for bits, _ in nearest) / len(nearest)
    alike = sorted(
        {(min(i, j) + 1, max(i, j) + 1) for i, (bits, j) in enumerate(nearest) if bits < ALIKE_BITS}
    )
    if alike:
        pairs = ", ".join(f"{one} and {other}" for one, other in alike[:4]) + (
            " and others" if len(alike) > 4 else ""
        )
        note = f"Cuts {pairs} look alike (fewer than {ALIKE_BITS} of 64 bits of their fingerprints differ)."
    else:
        bits = min(nearest)[0]
        note = f"No two cuts look alike; the two nearest differ in {bits} of 64 bits" + (
            f", and from {DIFFERENT_LOOK_BITS} they count in full."
            if bits < DIFFERENT_LOOK_BITS
            else "."
        )
    return OriginalityPart(name="cuts look different", score=score, weight=2.0, note=note)


def _clip_variety(segments: Sequence[Segment], analysis: ClipAnalysis) -> OriginalityPart:
    """Evenness of the cuts over the clips, measured against what this many cuts and clips could
    reach.
    """
    usable = sum(any(not moment.rejects for moment in clip.moments) for clip in analysis.clips)
    counts: dict[int, int] = {}
    for segment in segments:
        counts[segment.clip] = counts.get(segment.clip, 0) + 1
    reachable = min(len(segments), max(1, usable))
    most_used = max(counts.values())
    note = f"{len(segments)} cuts from {len(counts)} of {usable} usable clips, at the most {most_used} from one."
    if reachable == 1:
        return OriginalityPart(name="clip variety", score=1.0, weight=1.0, note=note)
    spread = -sum(count / len(segments) * log(count / len(segments)) for count in counts.values())
    each, rest = divmod(len(segments), reachable)
    ideal = [each + 1] * rest + [each] * (reachable - rest)
    most = -sum(count / len(segments) * log(count / len(segments)) for count in ideal if count)
    return OriginalityPart(
        name="clip variety", score=min(1.0, spread / most), weight=1.0, note=note
    )


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


def _clean_picture(segments: Sequence[Segment], analysis: ClipAnalysis) -> OriginalityPart:
    """What marks footage as taken from elsewhere: borders, and text or signs that are not of the
    scene.
    """
    marked = []
    for number, segment in enumerate(segments, start=1):
        moment = analysis.moment(segment.moment)
        rejected: set[str] = {reject.code for reject in moment.rejects}
        codes = rejected.intersection(MARKS) | _overlays_shown(segment, analysis)
        if codes:
            marked.append(f"cut {number} ({', '.join(sorted(codes))})")
    note = (
        f"Marks of other publications in {', '.join(marked)}."
        if marked
        else "No borders, watermarks or text were found in what is shown."
    )
    return OriginalityPart(
        name="no borders or watermarks",
        score=1 - len(marked) / len(segments),
        weight=2.0,
        note=note,
    )


def _overlays_shown(segment: Segment, analysis: ClipAnalysis) -> set[str]:
    """The kinds of overlays that the crop does not leave out."""
    facts = analysis.clips[segment.clip].facts
    crops = [segment.crop] if segment.crop_end is None else [segment.crop, segment.crop_end]
    overlays = analysis.moment(segment.moment).overlays
    return {
        overlay.kind
        for overlay in overlays
        if any(kept_share(facts, crop, overlay.box) >= _SHOWN_FROM for crop in crops)
    }


def _new_footage(
    segments: Sequence[Segment], analysis: ClipAnalysis, fps: FrameRate, seen: Sequence[SeenSegment]
) -> OriginalityPart:
    """How much of the Reel the user's earlier ones did not show: the same seconds of a file, or a
    cut of another that looks alike.
    """
    if not seen:
        return OriginalityPart(
            name="new footage",
            score=1.0,
            weight=2.0,
            note="No earlier Reel of this user was compared.",
        )
    files = {clip.facts.sha256 for clip in analysis.clips}
    foreign = [
        int(one.fingerprint, 16) for one in seen if one.fingerprint and one.sha256 not in files
    ]
    total_s = repeated_s = 0.0
    repeating: list[int] = []
    alike: list[int] = []
    for number, segment in enumerate(segments, start=1):
        length_s = float(segment.frames / fps.fraction)
        sha256 = analysis.clips[segment.clip].facts.sha256
        spans = [(one.start_s, one.end_s) for one in seen if sha256 and one.sha256 == sha256]
        shared_s = covered_s(spans, segment.source_in_s, segment.source_in_s + length_s)
        own = int(analysis.moment(segment.moment).fingerprint, 16)
        total_s += length_s
        if shared_s > _HARDLY_ANY_S:
            repeating.append(number)
            repeated_s += shared_s
        elif any((own ^ other).bit_count() < ALIKE_BITS for other in foreign):
            alike.append(number)
            repeated_s += length_s / 2
    reasons = []
    if repeating:
        reasons.append(f"Earlier Reels showed footage of {_cuts(repeating)} already")
    if alike:
        reasons.append(f"{_cuts(alike)} look{'s' if len(alike) == 1 else ''} like what they showed")
    note = (
        "; ".join(reasons) + "."
        if reasons
        else "Nothing of it was shown in the user's earlier Reels."
    )
    return OriginalityPart(
        name="new footage",
        score=max(0.0, 1 - repeated_s / total_s),
        weight=2.0,
        note=note[:1].upper() + note[1:],
    )


def _cuts(numbers: Sequence[int]) -> str:
    return (
        f"cut {numbers[0]}"
        if len(numbers) == 1
        else f"cuts {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
    )


def covered_s(spans: Sequence[tuple[float, float]], start_s: float, end_s: float) -> float:
    """Seconds of [start_s, end_s) that lie in any of `spans`."""
    covered, until_s = 0.0, start_s
    for first_s, last_s in sorted(spans):
        first_s, last_s = max(first_s, until_s), min(last_s, end_s)
        if last_s > first_s:
            covered += last_s - first_s
            until_s = last_s
    return covered


def _own_music(music: MusicTrack) -> OriginalityPart:
    name = "music made for this Reel"
    if music.composer == "user":
        note = "The user's own music, not made for this Reel: others may use it too."
        return OriginalityPart(name=name, score=0.5, weight=1.0, note=note)
    by = {"fal": f"fal ({music.model})" if music.model else "fal", "local": "the local composer"}[
        music.composer
    ]
    return OriginalityPart(
        name=name,
        score=1.0,
        weight=1.0,
        note=f"Composed by {by} from this request's prompt, seed {music.seed}.",
    )
