"""The local analyst: judges moments by measurement alone, with no service and no key.

Its answer is also where the analyst that asks a model starts from.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

import cv2

from montage_pipeline.analysis import attention, scoring, tastes
from montage_pipeline.analysis.attention import FirstLook
from montage_pipeline.analysis.duplicates import WHOLE_CLIP_SHARE, Repeat, find_repeats
from montage_pipeline.analysis.faults import LESSER_CODES
from montage_pipeline.analysis.model import (
    AnalysedClip,
    AnalystFacts,
    ClipAnalysis,
    Moment,
    Overlay,
    RejectedClip,
    RejectReason,
    Shot,
    SubjectPoint,
)
from montage_pipeline.analysis.moments import Candidate, cut_into_moments
from montage_pipeline.footage.coarse import glance_over, scaled_to
from montage_pipeline.footage.measure import SHOWN_SIDE, ClipMeasures, StretchMeasures, measure
from montage_pipeline.footage.model import ClipFacts, FetchedClip
from montage_pipeline.footage.packets import PacketTable, read_packets, span_work
from montage_pipeline.footage.probe import Inspection, inspect
from montage_pipeline.footage.shots import Span
from montage_pipeline.footage.sound import SILENCE, listen
from montage_pipeline.footage.subject import Seen, subject_path
from montage_pipeline.records import PermanentError
from montage_pipeline.requests.vocabulary import MIN_DURATION_S, Style
from montage_pipeline.settings import Settings

_MOST_CLIPS_AT_ONCE = 4
_MOST_ROUNDS = 3  # of looking closely, where what was seen first is not good enough
_PIECES, _PIECE_S = 20, 2.0  # of the sound of a long clip, listened to before looking closely
_REPEATED_SHARE = 0.5  # of a moment, from which it counts as shown before


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
class _Measured:
    clip: FetchedClip
    measures: ClipMeasures
    notes: tuple[str, ...]


class LocalAnalyst:
    """An Analyst that measures. The same clips give the same analysis."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def analyse(self, clips: Sequence[FetchedClip], style: Style, duration_s: float) -> ClipAnalysis:
        """Measure, cut into moments, score and judge.

        A clip that cannot be used is listed in `rejected_clips`. Where too little footage passes, the best of
        what has lesser faults is let through, and `warnings` says so.

        Raises PermanentError("too_many_clips") and, naming every clip's reason, PermanentError("no_usable_clips").
        """
        if len(clips) > self._settings.max_clips:
            raise PermanentError("too_many_clips", f"{len(clips)} clips were given; at most {self._settings.max_clips} can be used")
        measured, rejected = self._measure_all(clips, duration_s)
        measured, repeats, repeated = _without_repeated_clips(measured)
        rejected += repeated
        warnings = [f"{_name(one.clip.url)}: {note}" for one in measured for note in one.notes]

        candidates = [_reject_repeats(cut_into_moments(one.measures), repeats[index]) for index, one in enumerate(measured)]
        analysed = _scored(measured, candidates, style)
        analysed, forgiven = _enough(analysed, min(duration_s, MIN_DURATION_S))
        warnings += forgiven
        usable = [moment for clip in analysed for moment in clip.moments if not moment.rejects]
        if not usable:
            raise _nothing_usable(analysed, rejected)

        ranked = sorted(usable, key=lambda moment: (-(0.55 * moment.interest + 0.45 * moment.quality), moment.clip, moment.start_s))
        opening = max(usable, key=lambda moment: (moment.duration_s >= scoring.HOOK_S - 1e-6, moment.hook, -moment.clip, -moment.start_s))
        liveliness = sum(moment.scores.motion * moment.duration_s for moment in usable) / sum(moment.duration_s for moment in usable)
        return ClipAnalysis(
            clips=tuple(analysed),
            rejected_clips=tuple(rejected),
            hook_moment=opening.id,
            best_moments=tuple(moment.id for moment in ranked),
            mood=tastes.mood(style, liveliness),
            music_prompt=tastes.music_prompt(style, liveliness, duration_s),
            suggested_bpm=tastes.suggested_bpm(style, liveliness),
            analyst=AnalystFacts(name="local"),
            warnings=tuple(warnings),
        )

    def _measure_all(self, clips: Sequence[FetchedClip], duration_s: float) -> tuple[list[_Measured], list[RejectedClip]]:
        """Look at clips side by side, in the order given; files that were given twice are looked at once.

        Short clips are measured whole. Of long ones some key frames are looked at, then the stretches that promise most.
        """
        rejected: list[RejectedClip] = []
        first_with: dict[str, FetchedClip] = {}
        unique: list[FetchedClip] = []
        for clip in clips:
            if clip.sha256 in first_with:
                message = f"it is the same file as {_name(first_with[clip.sha256].url)}"
                rejected.append(RejectedClip(url=clip.url, code="clip_duplicate", message=message))
            else:
                first_with[clip.sha256] = clip
                unique.append(clip)
        # Decoders thread by themselves; a second clip fills the gaps they leave.
        workers = min(_MOST_CLIPS_AT_ONCE, _cores(), max(1, len(unique)))
        with ThreadPoolExecutor(workers, thread_name_prefix="measure") as pool, _opencv_in_one_thread():
            found = list(pool.map(_inspect, unique))
            rejected += [one for one in found if isinstance(one, RejectedClip)]
            inspected = [one for one in found if not isinstance(one, RejectedClip)]
            measured, failed = _look_closely(pool, inspected, duration_s)
        return measured, rejected + failed


def _look_closely(pool: Executor, clips: list[_Inspected], duration_s: float) -> tuple[list[_Measured], list[RejectedClip]]:
    """Measure what is worth it of each clip; where too little of that is good, look at more."""
    works = [span_work(one.facts, one.table, one.whole) for one in clips]
    whole = attention.affordable(works, attention.WORK)
    costly = [index for index, fits in enumerate(whole) if not fits]
    glance_work = attention.COARSE_SHARE * attention.WORK / max(1, len(costly))
    looks = dict(zip(costly, pool.map(lambda index: _first_look(clips[index], glance_work), costly), strict=True))
    left = max(0.0, (1 - attention.COARSE_SHARE) * attention.WORK - sum(work for work, fits in zip(works, whole, strict=True) if fits))
    sure_s = sum(one.facts.duration_s for one, fits in zip(clips, whole, strict=True) if fits)
    spans: dict[int, Sequence[Span]] = {index: () for index, fits in enumerate(whole) if fits}
    most_ever = attention.HARD_WORK * attention.WORK
    spans |= _chosen(looks, {}, attention.NEED * duration_s - sure_s, left, most_ever)
    measures: dict[int, ClipMeasures] = {}
    failed: dict[int, RejectedClip] = {}
    for _ in range(_MOST_ROUNDS):
        most_ever -= sum(span_work(clips[index].facts, clips[index].table, span) for index, row in spans.items() for span in row)
        _measure_spans(pool, clips, spans, measures, failed)
        good_s = sum(_good_s(one) for one in measures.values())
        if good_s >= duration_s:
            break
        taken = {index: measures[index].looked_at if index in measures else () for index in looks if index not in failed}
        spans = _chosen({index: looks[index] for index in taken}, taken, attention.NEED * (duration_s - good_s), 0.0, most_ever)
        if not spans:
            break
    measured = []
    for index, one in enumerate(clips):
        if index in measures:
            if index in looks:
                elsewhere = tuple(scaled_to(glance.luma, SHOWN_SIDE) for glance in looks[index].glances)
                measures[index] = replace(measures[index], elsewhere=elsewhere)
            measured.append(
                _Measured(one.clip, measures[index], (*one.inspection.notes, *_what_was_seen(measures[index], looks.get(index))))
            )
        elif index not in failed:
            glances = looks[index].glances
            seen = (
                f"only {len(glances)} of its key frames were looked at; other clips promised more"
                if glances
                else "no key frame of it can be decoded"
            )
            code = "clip_passed_over" if glances else "clip_unreadable"
            failed[index] = RejectedClip(url=one.clip.url, code=code, message=seen)
    return measured, [failed[index] for index in sorted(failed)]


def _chosen(
    looks: dict[int, FirstLook], taken: dict[int, tuple[Span, ...]], least_s: float, most_work: float, most_ever: float
) -> dict[int, Sequence[Span]]:
    indices = sorted(looks)
    before = [taken.get(index, ()) for index in indices]
    rows = attention.choose([looks[index] for index in indices], before, least_s, most_work, most_ever)
    return {index: row for index, row in zip(indices, rows, strict=True) if row}


def _measure_spans(
    pool: Executor,
    clips: list[_Inspected],
    spans: dict[int, Sequence[Span]],
    measures: dict[int, ClipMeasures],
    failed: dict[int, RejectedClip],
) -> None:
    """Measure these spans (none: all) of these clips and put the results into `measures` or, for the first look that fails, `failed`."""

    def measure_one(index: int) -> ClipMeasures | RejectedClip:
        one = clips[index]
        try:
            return measure(one.clip.path, one.facts, spans[index], one.table)
        except PermanentError as error:
            return RejectedClip(url=one.clip.url, code=error.code, message=error.message)

    # The most work first, so that none is left to run alone at the end.
    work = {
        index: sum(span_work(clips[index].facts, clips[index].table, span) for span in row or (clips[index].whole,))
        for index, row in spans.items()
    }
    order = sorted(spans, key=lambda index: -work[index])
    for index, result in zip(order, pool.map(measure_one, order), strict=True):
        if isinstance(result, ClipMeasures):
            measures[index] = measures[index].with_more(result) if index in measures else result
        elif index not in measures:
            failed[index] = result


def _good_s(measures: ClipMeasures) -> float:
    return sum(one.span.duration_s for one in cut_into_moments(measures) if not one.rejects)


def _what_was_seen(measures: ClipMeasures, look: FirstLook | None) -> list[str]:
    """The truth about a clip that was not looked at as a whole."""
    if look is None:
        return []
    seen_s = sum(span.duration_s for span in measures.looked_at)
    if seen_s >= measures.facts.duration_s - 1:
        return []
    said = (
        f"{seen_s:.0f} s of its {measures.facts.duration_s:.0f} s were looked at closely, picked by {len(look.glances)} of its key frames"
    )
    return [said if look.glances else f"{seen_s:.0f} s of its {measures.facts.duration_s:.0f} s were looked at"]


@contextmanager
def _opencv_in_one_thread() -> Iterator[None]:
    """The pictures are small: OpenCV spends longer handing them to its threads than on them."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def _cores() -> int:
    """Cores this process may use; containers and schedulers often allow fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _inspect(clip: FetchedClip) -> _Inspected | RejectedClip:
    try:
        inspection = inspect(clip)
        return _Inspected(clip, inspection, read_packets(clip.path, inspection.facts))
    except PermanentError as error:
        return RejectedClip(url=clip.url, code=error.code, message=error.message)


def _first_look(one: _Inspected, most_work: float) -> FirstLook:
    facts = one.facts
    try:
        glances = glance_over(one.clip.path, facts, one.table, most_work)
        sound = listen(one.clip.path, facts, _heard_first(facts), for_speech=False)
    except PermanentError:
        glances, sound = (), SILENCE  # looking closely will tell what is wrong with it
    return FirstLook(facts, one.table, glances, sound)


def _heard_first(facts: ClipFacts) -> list[Span]:
    """Pieces spread over the clip, so that listening to a long one costs no more than to a short one."""
    if facts.duration_s <= 2 * _PIECES * _PIECE_S:
        return [Span(facts.start_s, facts.start_s + facts.duration_s)]
    step_s = facts.duration_s / _PIECES
    return [Span(facts.start_s + (place + 0.5) * step_s, facts.start_s + (place + 0.5) * step_s + _PIECE_S) for place in range(_PIECES)]


def _without_repeated_clips(measured: list[_Measured]) -> tuple[list[_Measured], list[list[Repeat]], list[RejectedClip]]:
    """Leave out clips that another one shows as a whole; give back the partial repeats of each clip that stays."""
    dropped: dict[int, RejectedClip] = {}
    partial: list[list[Repeat]] = [[] for _ in measured]
    for repeat in sorted(find_repeats([one.measures for one in measured]), key=lambda repeat: -repeat.share):
        if repeat.better in dropped or repeat.worse in dropped:
            continue
        if repeat.share >= WHOLE_CLIP_SHARE:
            better, url = measured[repeat.better].clip.url, measured[repeat.worse].clip.url
            same = f"the same footage as {_name(better)} (pictures correlate at {repeat.alike:.3f})"
            message = f"{repeat.share:.0%} of it is {same}, which is better"
            dropped[repeat.worse] = RejectedClip(url=url, code="clip_duplicate", message=message)
        else:
            partial[repeat.worse].append(repeat)
    kept = [index for index in range(len(measured)) if index not in dropped]
    repeats = [[repeat for repeat in partial[index] if repeat.better not in dropped] for index in kept]
    return [measured[index] for index in kept], repeats, [dropped[index] for index in sorted(dropped)]


def _reject_repeats(candidates: list[Candidate], repeats: list[Repeat]) -> list[Candidate]:
    """Mark the moments that another clip shows too."""
    marked = []
    for candidate in candidates:
        span = candidate.span
        for repeat in repeats:
            shared_s = sum(max(0.0, min(span.end_s, other.end_s) - max(span.start_s, other.start_s)) for other in repeat.spans)
            if shared_s >= _REPEATED_SHARE * span.duration_s:
                share = min(1.0, shared_s / span.duration_s)
                message = f"{share:.0%} of it is the same footage as in another clip (pictures correlate at {repeat.alike:.3f})"
                reason = RejectReason(code="duplicate", message=message)
                candidate = Candidate(span, candidate.measures, (*candidate.rejects, reason))
                break
        marked.append(candidate)
    return marked


def _scored(measured: list[_Measured], candidates: list[list[Candidate]], style: Style) -> list[AnalysedClip]:
    taste = tastes.TASTES[style]
    prints = [[candidate.measures.fingerprint for candidate in row] for row in candidates]
    flat = [(clip, place) for clip, row in enumerate(prints) for place in range(len(row))]
    clips = []
    for index, (one, row) in enumerate(zip(measured, candidates, strict=True)):
        facts = one.measures.facts
        moments = []
        for place, candidate in enumerate(row):
            measures, span = candidate.measures, candidate.span
            others = [prints[clip][other] for clip, other in flat if (clip, other) != (index, place)]
            scores = scoring.quality_scores(measures, scoring.novelty(measures.fingerprint, others), one.measures.key_bits)
            quality = scoring.quality(scores, facts, scoring.overlay_cost(measures))
            interest = scoring.interest(scores, taste)
            moments.append(
                Moment(
                    id=f"c{index}m{place}",
                    clip=index,
                    start_s=span.start_s,
                    end_s=span.end_s,
                    scores=scores,
                    quality=quality,
                    interest=interest,
                    hook=scoring.hook(scores, quality=quality, interest=interest, duration_s=span.duration_s),
                    subject=scoring.subject(measures),
                    subject_path=_path(one.measures, span),
                    faces=measures.faces,
                    overlays=_overlays(measures),
                    fingerprint=f"{measures.fingerprint:016x}",
                    description=scoring.description(scores),
                    rejects=candidate.rejects,
                )
            )
        shots = tuple(Shot(start_s=shot.start_s, end_s=shot.end_s) for shot in one.measures.shots)
        clips.append(AnalysedClip(facts=facts, shots=shots, moments=tuple(moments), picture=one.measures.picture))
    return clips


def _path(measures: ClipMeasures, span: Span) -> tuple[SubjectPoint, ...]:
    """Where the subject of a moment is when, about every half second."""
    seen = [Seen(sample.time_s, sample.faces, sample.luma) for sample in measures.samples if span.start_s <= sample.time_s < span.end_s]
    steps = [step for step in measures.steps if span.start_s <= step.time_s - step.elapsed_s and step.time_s < span.end_s]
    return tuple(SubjectPoint(time_s=place.time_s, box=place.box, source=place.source) for place in subject_path(seen, steps))


def _overlays(measures: StretchMeasures) -> tuple[Overlay, ...]:
    logos = [Overlay(kind="watermark", box=box) for box in measures.logos]
    return (*logos, *(Overlay(kind="text", box=box) for box in measures.writing))


def _enough(clips: list[AnalysedClip], needed_s: float) -> tuple[list[AnalysedClip], list[str]]:
    """Let the best of what has only lesser faults through until `needed_s` seconds are usable; say so."""
    usable_s = sum(moment.duration_s for clip in clips for moment in clip.moments if not moment.rejects)
    forgivable = [
        moment
        for clip in clips
        for moment in clip.moments
        if moment.rejects and all(reason.code in LESSER_CODES for reason in moment.rejects)
    ]
    forgivable.sort(key=lambda moment: (len(moment.rejects), -moment.quality, moment.clip, moment.start_s))
    forgiven: dict[str, Moment] = {}
    warnings = []
    for moment in forgivable:
        if usable_s >= needed_s:
            break
        forgiven[moment.id] = moment.model_copy(update={"rejects": ()})
        usable_s += moment.duration_s
        where = f"{_name(clips[moment.clip].facts.url)} {moment.start_s:.1f}–{moment.end_s:.1f} s"
        faults = "; ".join(reason.message for reason in moment.rejects)
        warnings.append(f"{where} is used for want of anything better, although: {faults}")
    cleared = [
        clip.model_copy(update={"moments": tuple(forgiven.get(moment.id, moment) for moment in clip.moments)}) if forgiven else clip
        for clip in clips
    ]
    return cleared, warnings


def _nothing_usable(clips: list[AnalysedClip], rejected: list[RejectedClip]) -> PermanentError:
    said = [f"{_name(clip.url)}: {clip.message}" for clip in rejected]
    for clip in clips:
        found = list(dict.fromkeys(reason.message for moment in clip.moments for reason in moment.rejects)) or [
            "no shot in it is long enough"
        ]
        said.append(f"{_name(clip.facts.url)}: {'; '.join(found[:3])}")
    listed = " | ".join(said) if said else "no clips were given"
    return PermanentError("no_usable_clips", f"none of the clips can be used. {listed}", reasons=said)


def _name(url: str) -> str:
    """The last part of a clip's address: what a person knows it by; never its signature."""
    return url.split("?", 1)[0].split("#", 1)[0].rstrip("/").rsplit("/", 1)[-1] or "a clip"
