"""The local analyst: judges moments by measurement alone, with no service and no key.

Its answer is also where the analyst that asks a model starts from.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import cv2

from montage_pipeline.analysis import scoring, tastes
from montage_pipeline.analysis.duplicates import WHOLE_CLIP_SHARE, Repeat, find_repeats
from montage_pipeline.analysis.faults import LESSER_CODES
from montage_pipeline.analysis.model import AnalysedClip, AnalystFacts, ClipAnalysis, Moment, RejectedClip, RejectReason, Shot
from montage_pipeline.analysis.moments import Candidate, cut_into_moments
from montage_pipeline.footage.measure import ClipMeasures, measure
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.footage.probe import Inspection, inspect
from montage_pipeline.records import PermanentError
from montage_pipeline.requests.vocabulary import MIN_DURATION_S, Style
from montage_pipeline.settings import Settings

_MOST_CLIPS_AT_ONCE = 4
_LOOK_PER_REEL = 4.5  # seconds looked at for each second of the Reel: choice enough, and the user waits for it
_LEAST_LOOK_S = 15.0
_REPEATED_SHARE = 0.5  # of a moment, from which it counts as shown before


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
        measured, rejected = self._measure_all(clips, _LOOK_PER_REEL * duration_s)
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

    def _measure_all(self, clips: Sequence[FetchedClip], budget_s: float) -> tuple[list[_Measured], list[RejectedClip]]:
        """Measure clips side by side, in the order given; files that were given twice are measured once.

        About `budget_s` seconds of footage are looked at in all; short clips whole, long ones in windows.
        """
        measured: list[_Measured] = []
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
            inspected: list[_Inspected] = []
            for found in pool.map(_inspect, unique):
                if isinstance(found, RejectedClip):
                    rejected.append(found)
                else:
                    inspected.append(found)
            most_s = _share_of_each([one.inspection.facts.duration_s for one in inspected], budget_s)
            # The longest first, so that none is left to run alone at the end.
            order = sorted(range(len(inspected)), key=lambda index: -inspected[index].inspection.facts.duration_s)
            results = dict(zip(order, pool.map(lambda index: _measure_one(inspected[index], most_s), order), strict=True))
            for index in range(len(inspected)):
                result = results[index]
                if isinstance(result, RejectedClip):
                    rejected.append(result)
                else:
                    measured.append(result)
        return measured, rejected


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


@dataclass(frozen=True)
class _Inspected:
    clip: FetchedClip
    inspection: Inspection


def _inspect(clip: FetchedClip) -> _Inspected | RejectedClip:
    try:
        return _Inspected(clip, inspect(clip))
    except PermanentError as error:
        return RejectedClip(url=clip.url, code=error.code, message=error.message)


def _share_of_each(durations_s: Sequence[float], budget_s: float) -> float:
    """The longest stretch of any clip that may be looked at, so that all together stay within the budget."""
    rest_s = budget_s
    for place, duration_s in enumerate(sorted(durations_s)):
        share_s = rest_s / (len(durations_s) - place)
        if duration_s > share_s:
            return max(share_s, _LEAST_LOOK_S)
        rest_s -= duration_s
    return max([_LEAST_LOOK_S, *durations_s])


def _measure_one(inspected: _Inspected, most_s: float) -> _Measured | RejectedClip:
    clip, inspection = inspected.clip, inspected.inspection
    try:
        measures = measure(clip.path, inspection.facts, most_s)
    except PermanentError as error:
        return RejectedClip(url=clip.url, code=error.code, message=error.message)
    notes = list(inspection.notes)
    looked_at_s = sum(span.duration_s for span in measures.looked_at)
    if looked_at_s < inspection.facts.duration_s - 1:
        notes.append(f"{looked_at_s:.0f} s spread over its {inspection.facts.duration_s:.0f} s were looked at")
    return _Measured(clip, measures, tuple(notes))


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
            scores = scoring.quality_scores(measures)
            others = [prints[clip][other] for clip, other in flat if (clip, other) != (index, place)]
            quality = scoring.quality(scores, facts)
            interest = scoring.interest(scores, taste, novelty=scoring.novelty(measures.fingerprint, others))
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
                    fingerprint=f"{measures.fingerprint:016x}",
                    description=scoring.description(scores),
                    rejects=candidate.rejects,
                )
            )
        shots = tuple(Shot(start_s=shot.start_s, end_s=shot.end_s) for shot in one.measures.shots)
        clips.append(AnalysedClip(facts=facts, shots=shots, moments=tuple(moments)))
    return clips


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
