"""Looking at the clips of a request: short ones as a whole, long ones by key frames first, then
where they promise most.

Belongs here: how the looking is shared among clips, threads and rounds. Does not belong here: which
stretch promises most
(attention), measuring (footage), judging what was seen (local, scoring, faults).
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

import cv2

from montage_pipeline.analysis.duplicates import find_repeats
from montage_pipeline.analysis.model import RejectedClip
from montage_pipeline.analysis.moments import cut_into_moments
from montage_pipeline.analysis.scan import attention
from montage_pipeline.analysis.scan.attention import FirstLook
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.decoding.packets import PacketTable, read_packets, span_work
from montage_pipeline.footage.decoding.reading import pieces_of
from montage_pipeline.footage.measuring.calm import calm_parts
from montage_pipeline.footage.measuring.coarse import glance_over, scaled_to
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.footage.measuring.measures import SHOWN_SIDE, ClipMeasures
from montage_pipeline.footage.measuring.sound import SILENCE, listen
from montage_pipeline.footage.model import ClipFacts, FetchedClip
from montage_pipeline.footage.probe import Inspection, inspect
from montage_pipeline.machine import usable_cores
from montage_pipeline.spans import Span

_MOST_CLIPS_AT_ONCE = 4
_MOST_ROUNDS = 3  # of looking closely, where what was seen first is not good enough
_PIECES, _PIECE_S = 8, 1.0  # of the sound of a long clip, listened to before looking closely


@dataclass(frozen=True)
class _Inspected:
    clip: FetchedClip
    inspection: Inspection
    table: PacketTable

    @property
    def facts(self) -> ClipFacts:
        return self.inspection.facts

    @property
    def whole(self) -> Span:
        return Span(self.facts.start_s, self.facts.start_s + self.facts.duration_s)


@dataclass(frozen=True)
class Measured:
    """A clip with what was measured in it, and what the user should know of it."""

    clip: FetchedClip
    measures: ClipMeasures
    notes: tuple[str, ...]


def look_at(
    clips: Sequence[FetchedClip], duration_s: float
) -> tuple[list[Measured], list[RejectedClip]]:
    """Look at clips side by side, in the order given; files that were given twice are looked at
    once.

    Short clips are measured whole. Of long ones some key frames are looked at, then the stretches
    that promise most.
    """
    rejected: list[RejectedClip] = []
    first_with: dict[str, FetchedClip] = {}
    unique: list[FetchedClip] = []
    for clip in clips:
        if clip.sha256 in first_with:
            message = f"it is the same file as {name_of(first_with[clip.sha256].url)}"
            rejected.append(
                RejectedClip(url=clip.url, code=ErrorCode.CLIP_DUPLICATE, message=message)
            )
        else:
            first_with[clip.sha256] = clip
            unique.append(clip)
    workers = min(_MOST_CLIPS_AT_ONCE, usable_cores(), max(1, len(unique)))
    # A decoder alone in its thread spends less than one that hands pictures around; a clip alone
    # needs all cores for its own.
    threads = max(1, usable_cores() // workers)
    with ThreadPoolExecutor(workers, thread_name_prefix="measure") as pool, _opencv_in_one_thread():
        found = list(pool.map(_inspect, unique))
        rejected += [one for one in found if isinstance(one, RejectedClip)]
        inspected = [one for one in found if not isinstance(one, RejectedClip)]
        measured, failed = _look_closely(pool, inspected, duration_s, threads)
    return measured, rejected + failed


def _look_closely(
    pool: Executor, clips: list[_Inspected], duration_s: float, threads: int
) -> tuple[list[Measured], list[RejectedClip]]:
    """Measure what is worth it of each clip; where too little of that is good, look at more."""
    works = [span_work(one.facts, one.table, one.whole) for one in clips]
    whole = attention.affordable(works, attention.WORK)
    costly = [index for index, fits in enumerate(whole) if not fits]
    glance_work = attention.COARSE_SHARE * attention.WORK / max(1, len(costly))
    looks = dict(
        zip(
            costly,
            pool.map(lambda index: _first_look(clips[index], glance_work, threads), costly),
            strict=True,
        )
    )
    left = max(
        0.0,
        (1 - attention.COARSE_SHARE) * attention.WORK
        - sum(work for work, fits in zip(works, whole, strict=True) if fits),
    )
    sure_s = sum(one.facts.duration_s for one, fits in zip(clips, whole, strict=True) if fits)
    spans: dict[int, Sequence[Span]] = {index: () for index, fits in enumerate(whole) if fits}
    most_ever = attention.HARD_WORK * attention.WORK / attention.THIN_SHARE
    chosen = _chosen(looks, {}, attention.NEED * duration_s - sure_s, left, most_ever)
    spans |= chosen
    # Where every picture of what the Reel needs would cost too much, calm parts are believed to be
    # calm.
    thin = _work_of(clips, chosen) > left
    most_again = attention.AGAIN_SHARE * attention.WORK
    measures: dict[int, ClipMeasures] = {}
    failed: dict[int, RejectedClip] = {}
    for _ in range(_MOST_ROUNDS):
        most_ever -= _work_of(clips, spans)
        _measure_spans(pool, clips, spans, measures, failed, thin=thin, threads=threads)
        good_s = _good_s(list(measures.values())) if looks else duration_s
        if good_s >= duration_s:
            break
        taken = {
            index: measures[index].looked_at if index in measures else ()
            for index in looks
            if index not in failed
        }
        most_ever = min(most_ever, most_again)
        spans = _chosen(
            {index: looks[index] for index in taken},
            taken,
            attention.NEED * (duration_s - good_s),
            0.0,
            most_ever,
        )
        most_again -= _work_of(clips, spans)
        if not spans:
            break
    measured = []
    for index, one in enumerate(clips):
        if index in measures:
            if index in looks:
                elsewhere = tuple(
                    scaled_to(glance.luma, SHOWN_SIDE) for glance in looks[index].glances
                )
                measures[index] = replace(measures[index], elsewhere=elsewhere)
            measured.append(
                Measured(
                    one.clip,
                    measures[index],
                    (*one.inspection.notes, *_what_was_seen(measures[index], looks.get(index))),
                )
            )
        elif index not in failed:
            glances = looks[index].glances
            seen = (
                f"only {len(glances)} of its key frames were looked at; other clips promised more"
                if glances
                else "no key frame of it can be decoded"
            )
            code = ErrorCode.CLIP_PASSED_OVER if glances else ErrorCode.CLIP_UNREADABLE
            failed[index] = RejectedClip(url=one.clip.url, code=code, message=seen)
    return measured, [failed[index] for index in sorted(failed)]


def _work_of(clips: list[_Inspected], spans: dict[int, Sequence[Span]]) -> float:
    return sum(
        span_work(clips[index].facts, clips[index].table, span)
        for index, row in spans.items()
        for span in row
    )


def _chosen(
    looks: dict[int, FirstLook],
    taken: dict[int, tuple[Span, ...]],
    least_s: float,
    most_work: float,
    most_ever: float,
) -> dict[int, Sequence[Span]]:
    indices = sorted(looks)
    before = [taken.get(index, ()) for index in indices]
    rows = attention.choose(
        [looks[index] for index in indices], before, least_s, most_work, most_ever
    )
    return {index: row for index, row in zip(indices, rows, strict=True) if row}


def _measure_spans(
    pool: Executor,
    clips: list[_Inspected],
    spans: dict[int, Sequence[Span]],
    measures: dict[int, ClipMeasures],
    failed: dict[int, RejectedClip],
    *,
    thin: bool,
    threads: int,
) -> None:
    """Measure these spans (none: all) of these clips and put the results into `measures` or, for
    the first look that fails, `failed`.

    `thin`: without decoding what is calm; `threads`: for each clip.
    """

    def find_calm(index: int) -> tuple[Span, ...] | PermanentError:
        one = clips[index]
        try:
            return calm_parts(one.clip.path, one.facts, one.table, spans[index], threads)
        except PermanentError as error:
            return error

    def measure_one(index: int) -> ClipMeasures | RejectedClip:
        one, parts = clips[index], calm[index]
        try:
            if isinstance(parts, PermanentError):
                raise parts
            return measure(one.clip.path, one.facts, spans[index], one.table, parts, threads)
        except PermanentError as error:
            return RejectedClip(url=one.clip.url, code=error.code, message=error.message)

    def work(index: int) -> float:
        one, parts = clips[index], calm[index]
        if not spans[index] or isinstance(parts, PermanentError):
            return span_work(one.facts, one.table, one.whole)
        return sum(
            span_work(one.facts, one.table, piece.span)
            for piece in pieces_of(spans[index], parts, one.table)
        )

    calm: dict[int, tuple[Span, ...] | PermanentError] = (
        dict(zip(spans, pool.map(find_calm, spans), strict=True))
        if thin
        else dict.fromkeys(spans, ())
    )
    # The most work first, so that none is left to run alone at the end.
    order = sorted(spans, key=work, reverse=True)
    for index, result in zip(order, pool.map(measure_one, order), strict=True):
        if isinstance(result, ClipMeasures):
            measures[index] = measures[index].with_more(result) if index in measures else result
        elif index not in measures:
            failed[index] = result


def _good_s(clips: Sequence[ClipMeasures]) -> float:
    """Seconds that can be shown: no fault in them, and in no better clip too."""
    repeated: dict[int, list[Span]] = {}
    for repeat in find_repeats(clips):
        repeated.setdefault(repeat.worse, []).extend(repeat.spans)
    good_s = 0.0
    for index, one in enumerate(clips):
        for candidate in cut_into_moments(one):
            if candidate.rejects:
                continue
            span = candidate.span
            again_s = sum(
                max(0.0, min(span.end_s, other.end_s) - max(span.start_s, other.start_s))
                for other in repeated.get(index, ())
            )
            good_s += max(0.0, span.duration_s - again_s)
    return good_s


def _what_was_seen(measures: ClipMeasures, look: FirstLook | None) -> list[str]:
    """The truth about a clip that was not looked at as a whole, or that is damaged."""
    damaged_s = sum(span.duration_s for span in measures.damaged)
    damage = (
        [f"{damaged_s:.1f} s of what was looked at are damaged and left out"]
        if measures.damaged
        else []
    )
    if look is None:
        return damage
    seen_s = sum(span.duration_s for span in measures.looked_at)
    if seen_s >= measures.facts.duration_s - 1:
        return damage
    said = f"{seen_s:.0f} s of its {measures.facts.duration_s:.0f} s were looked at closely, picked by {len(look.glances)} of its key frames"
    return [
        said
        if look.glances
        else f"{seen_s:.0f} s of its {measures.facts.duration_s:.0f} s were looked at",
        *damage,
    ]


@contextmanager
def _opencv_in_one_thread() -> Iterator[None]:
    """The pictures are small: OpenCV spends longer handing them to its threads than on them."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def _inspect(clip: FetchedClip) -> _Inspected | RejectedClip:
    try:
        inspection = inspect(clip)
        return _Inspected(clip, inspection, read_packets(clip.path, inspection.facts))
    except PermanentError as error:
        return RejectedClip(url=clip.url, code=error.code, message=error.message)


def _first_look(one: _Inspected, most_work: float, threads: int) -> FirstLook:
    facts = one.facts
    try:
        glances = glance_over(one.clip.path, facts, one.table, most_work, threads=threads)
        sound = listen(one.clip.path, facts, _heard_first(facts), for_speech=False)
    except PermanentError:
        glances, sound = (), SILENCE  # looking closely will tell what is wrong with it
    return FirstLook(facts, one.table, glances, sound)


def _heard_first(facts: ClipFacts) -> list[Span]:
    """Pieces spread over the clip, so that listening to a long one costs no more than to a short
    one.
    """
    if facts.duration_s <= 2 * _PIECES * _PIECE_S:
        return [Span(facts.start_s, facts.start_s + facts.duration_s)]
    step_s = facts.duration_s / _PIECES
    return [
        Span(
            facts.start_s + (place + 0.5) * step_s,
            facts.start_s + (place + 0.5) * step_s + _PIECE_S,
        )
        for place in range(_PIECES)
    ]


def name_of(url: str) -> str:
    """The last part of a clip's address: what a person knows it by; never its signature."""
    return url.split("?", 1)[0].split("#", 1)[0].rstrip("/").rsplit("/", 1)[-1] or "a clip"
