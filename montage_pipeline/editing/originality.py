"""How little a Reel repeats, as a number and the parts it is made of.

Belongs here: judging a finished edit. Does not belong here: what repeating costs while the edit is
chosen (`footage_line`, `optimizer.terms`).
"""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import log
from typing import NamedTuple

from montage_pipeline.analysis.model import ClipAnalysis, Moment
from montage_pipeline.editing.context import moments_by_id
from montage_pipeline.editing.framing.crops import kept_share
from montage_pipeline.editing.timeline import Originality, OriginalityPart, Segment, Timeline
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.requests.seen import SeenSegment
from montage_pipeline.rules import ALIKE_BITS, looks_alike
from montage_pipeline.spans import Span, covered_s

_DIFFERENT_BITS = 16
"""Differing bits (of 64) from which two cuts count as fully different: unrelated shots rarely
differ in fewer (`rules.ALIKE_BITS`).
"""

_MARKS = ("borders", "watermark", "text")
"""What marks footage as taken from elsewhere, as codes of reasons to reject; the last two are kinds
of overlays too.
"""

_VISIBLE_SHARE = 0.2
"""Share of an overlay inside the crop from which people see it."""

_NEXT_TO_NOTHING_S = 0.05
"""Seconds shared with an earlier Reel that are rounding, about a frame, and not a repeat."""

_TAKE_GOES_ON_S = 1.0
"""A cut less than this far ahead in the same clip shows the raw take going on."""

_ALIKE_COUNTS = 1 / 2
"""How much a cut counts as repeated that only looks like an earlier Reel of other files."""

_OWN_MUSIC = 0.5
"""Score for music that the user brought: legitimate, but others may use it too."""

_MAX_PAIRS_NAMED = 4
"""Pairs of look-alikes that a note names before it says "and others"."""


class _Shown(NamedTuple):
    """A segment with what it shows."""

    segment: Segment
    moment: Moment
    facts: ClipFacts
    length_s: float
    span: Span


def footage_shown(timeline: Timeline, analysis: ClipAnalysis) -> tuple[SeenSegment, ...]:
    """What a Reel shows, as the planner of the user's next one wants it."""
    shown = _shown(timeline.segments, analysis, timeline.fps.fraction)
    return tuple(
        SeenSegment(
            sha256=cut.facts.sha256,
            start_s=cut.span.start_s,
            end_s=cut.span.end_s,
            fingerprint=cut.moment.fingerprint,
        )
        for cut in shown
    )


def originality_report(
    segments: Sequence[Segment],
    analysis: ClipAnalysis,
    music: MusicTrack,
    fps: Fraction,
    seen: Sequence[SeenSegment] = (),
) -> Originality:
    """The report on `segments` cut from the clips of `analysis` at `fps`, with `seen` shown in the
    user's earlier Reels.

    The score is the weighted mean of the parts, 0..1; each part's note says what cost it points.
    """
    shown = _shown(segments, analysis, fps)
    parts = (
        _frames_used_once(shown),
        _different_looks(shown),
        _clip_variety(shown, analysis),
        _recut(shown),
        _no_marks(shown),
        _new_footage(shown, analysis, seen),
        _own_music(music),
    )
    score = sum(part.score * part.weight for part in parts) / sum(part.weight for part in parts)
    return Originality(score=round(score, 4), parts=parts)


def _shown(
    segments: Sequence[Segment], analysis: ClipAnalysis, fps: Fraction
) -> tuple[_Shown, ...]:
    moments = moments_by_id(analysis)
    lengths_s = [float(segment.frames / fps) for segment in segments]
    return tuple(
        _Shown(
            segment,
            moments[segment.moment],
            analysis.clips[segment.clip].facts,
            length_s,
            segment.source_span(fps),
        )
        for segment, length_s in zip(segments, lengths_s, strict=True)
    )


def _frames_used_once(shown: Sequence[_Shown]) -> OriginalityPart:
    """Copies of one file count as one: the same footage by another name is still a repeat."""
    spans: dict[str, list[Span]] = {}
    for cut in shown:
        spans.setdefault(cut.facts.sha256 or cut.segment.clip_url, []).append(cut.span)

    total_s = sum(cut.length_s for cut in shown)
    repeated_s = 0.0
    for used in spans.values():
        shown_until_s = float("-inf")
        for span in sorted(used):
            repeated_s += max(0.0, min(span.end_s, shown_until_s) - span.start_s)
            shown_until_s = max(shown_until_s, span.end_s)
    note = (
        "No source frame is shown twice."
        if repeated_s < 1e-6
        else f"{repeated_s:.2f} s of footage are shown more than once."
    )
    return OriginalityPart(
        name="frames shown once", score=max(0.0, 1 - repeated_s / total_s), weight=3.0, note=note
    )


def _different_looks(shown: Sequence[_Shown]) -> OriginalityPart:
    name, weight = "cuts look different", 2.0
    prints = [int(cut.moment.fingerprint, 16) for cut in shown]
    if len(prints) < 2:
        note = "There is only one cut."
        return OriginalityPart(name=name, score=1.0, weight=weight, note=note)

    nearest = [
        min(((a ^ b).bit_count(), j) for j, b in enumerate(prints) if j != i)
        for i, a in enumerate(prints)
    ]
    score = sum(min(1.0, bits / _DIFFERENT_BITS) for bits, _ in nearest) / len(nearest)
    alike = sorted(
        {
            (min(i, j) + 1, max(i, j) + 1)
            for i, (_, j) in enumerate(nearest)
            if looks_alike(prints[i], prints[j])
        }
    )
    note = _alike_note(alike) if alike else _nearest_note(min(nearest)[0])
    return OriginalityPart(name=name, score=score, weight=weight, note=note)


def _alike_note(pairs: Sequence[tuple[int, int]]) -> str:
    named = ", ".join(f"{first} and {second}" for first, second in pairs[:_MAX_PAIRS_NAMED])
    more = " and others" if len(pairs) > _MAX_PAIRS_NAMED else ""
    return (
        f"Cuts {named}{more} look alike (fewer than {ALIKE_BITS} of 64 bits of their fingerprints "
        "differ)."
    )


def _nearest_note(bits: int) -> str:
    counted = f", and from {_DIFFERENT_BITS} they count in full" if bits < _DIFFERENT_BITS else ""
    return f"No two cuts look alike; the two nearest differ in {bits} of 64 bits{counted}."


def _clip_variety(shown: Sequence[_Shown], analysis: ClipAnalysis) -> OriginalityPart:
    """Evenness of the cuts over the clips, measured against what so many cuts and clips could
    reach.
    """
    name, weight = "clip variety", 1.0
    usable = sum(any(not moment.rejects for moment in clip.moments) for clip in analysis.clips)
    counts = Counter(cut.segment.clip for cut in shown)
    note = (
        f"{len(shown)} cuts from {len(counts)} of {usable} usable clips, "
        f"at most {max(counts.values())} from one."
    )
    reachable = min(len(shown), max(1, usable))
    if reachable == 1:
        return OriginalityPart(name=name, score=1.0, weight=weight, note=note)

    each, rest = divmod(len(shown), reachable)
    even = [each + 1] * rest + [each] * (reachable - rest)
    score = min(1.0, _entropy([*counts.values()]) / _entropy(even))
    return OriginalityPart(name=name, score=score, weight=weight, note=note)


def _entropy(counts: Sequence[int]) -> float:
    total = sum(counts)
    return -sum(count / total * log(count / total) for count in counts if count)


def _recut(shown: Sequence[_Shown]) -> OriginalityPart:
    """A cut that goes on where the last one stopped shows the raw take, not an edit of it."""
    edited = 0
    for before, after in pairwise(shown):
        away_s = after.span.start_s - before.span.end_s
        same_clip = before.segment.clip == after.segment.clip
        edited += not (same_clip and 0 <= away_s < _TAKE_GOES_ON_S)
    return OriginalityPart(
        name="edited, not the raw take",
        score=edited / (len(shown) - 1) if len(shown) > 1 else 1.0,
        weight=1.0,
        note=f"{edited} of {len(shown) - 1} cuts change place or time.",
    )


def _no_marks(shown: Sequence[_Shown]) -> OriginalityPart:
    """What marks footage as taken from elsewhere: borders, and text or signs that are not of the
    scene.
    """
    marked = []
    for number, cut in enumerate(shown, start=1):
        rejected = {str(reject.code) for reject in cut.moment.rejects}
        codes = rejected.intersection(_MARKS) | _visible_overlays(cut)
        if codes:
            marked.append(f"cut {number} ({', '.join(sorted(codes))})")
    note = (
        f"Marks of other publications in {', '.join(marked)}."
        if marked
        else "No borders, watermarks or text were found in what is shown."
    )
    return OriginalityPart(
        name="no borders or watermarks", score=1 - len(marked) / len(shown), weight=2.0, note=note
    )


def _visible_overlays(cut: _Shown) -> set[str]:
    """The kinds of overlays that the crop does not leave out."""
    crops = [cut.segment.crop, cut.segment.crop_end or cut.segment.crop]
    return {
        overlay.kind
        for overlay in cut.moment.overlays
        if any(kept_share(cut.facts, crop, overlay.box) >= _VISIBLE_SHARE for crop in crops)
    }


def _new_footage(
    shown: Sequence[_Shown], analysis: ClipAnalysis, seen: Sequence[SeenSegment]
) -> OriginalityPart:
    """How much of the Reel the user's earlier ones did not show: the same seconds of a file, or a
    cut of another that looks alike.
    """
    name, weight = "new footage", 2.0
    if not seen:
        note = "No earlier Reel of this user was compared."
        return OriginalityPart(name=name, score=1.0, weight=weight, note=note)

    files = {clip.facts.sha256 for clip in analysis.clips}
    of_other_files = [
        int(segment.fingerprint, 16)
        for segment in seen
        if segment.fingerprint and segment.sha256 not in files
    ]
    repeated_s = 0.0
    repeating: list[int] = []
    alike: list[int] = []
    for number, cut in enumerate(shown, start=1):
        shared_s = covered_s(cut.span, _seen_spans(cut.facts.sha256, seen))
        fingerprint = int(cut.moment.fingerprint, 16)
        if shared_s > _NEXT_TO_NOTHING_S:
            repeating.append(number)
            repeated_s += shared_s
        elif any(looks_alike(fingerprint, earlier) for earlier in of_other_files):
            alike.append(number)
            repeated_s += cut.length_s * _ALIKE_COUNTS
    total_s = sum(cut.length_s for cut in shown)
    return OriginalityPart(
        name=name,
        score=max(0.0, 1 - repeated_s / total_s),
        weight=weight,
        note=_repeats_note(repeating, alike),
    )


def _seen_spans(sha256: str, seen: Sequence[SeenSegment]) -> list[Span]:
    return [
        Span(segment.start_s, segment.end_s)
        for segment in seen
        if sha256 and segment.sha256 == sha256
    ]


def _repeats_note(repeating: Sequence[int], alike: Sequence[int]) -> str:
    reasons = []
    if repeating:
        reasons.append(f"Earlier Reels showed footage of {_cuts(repeating)} already")
    if alike:
        reasons.append(f"{_cuts(alike)} look{'s' if len(alike) == 1 else ''} like what they showed")
    if not reasons:
        return "Nothing of it was shown in the user's earlier Reels."
    note = "; ".join(reasons) + "."
    return note[:1].upper() + note[1:]


def _cuts(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"cut {numbers[0]}"
    return f"cuts {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def _own_music(music: MusicTrack) -> OriginalityPart:
    name, weight = "music made for this Reel", 1.0
    if music.composer == "user":
        note = "The user's own music, not made for this Reel: others may use it too."
        return OriginalityPart(name=name, score=_OWN_MUSIC, weight=weight, note=note)
    if music.kept_from:
        note = "The music of an earlier Reel of this user, kept for this one."
        return OriginalityPart(name=name, score=_OWN_MUSIC, weight=weight, note=note)
    composers = {
        "fal": f"fal ({music.model})" if music.model else "fal",
        "local": "the local composer",
    }
    note = f"Composed by {composers[music.composer]} from this request's prompt, seed {music.seed}."
    return OriginalityPart(name=name, score=1.0, weight=weight, note=note)
