"""The local analyst: judges moments by measurement alone, with no service and no key.

Its answer is also where the analyst that asks a model starts from.
"""

from collections.abc import Sequence

from montage_pipeline.analysis import mood, scoring
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
    SubjectPoint,
    TimeSpan,
)
from montage_pipeline.analysis.moments import Candidate, cut_into_moments
from montage_pipeline.analysis.scan.looking import MeasuredClip as Measured
from montage_pipeline.analysis.scan.looking import look_at
from montage_pipeline.footage.names import clip_name as name_of
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.measuring.measures import ClipMeasures, StretchMeasures
from montage_pipeline.footage.measuring.movement import Step
from montage_pipeline.footage.measuring.subject import Seen, absences, subject_path
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.rules import HOOK_S, MIN_DURATION_S
from montage_pipeline.settings import Settings
from montage_pipeline.spans import Span
from montage_pipeline.styles import style_of

_MISSED_S = 3.0  # before and after a moment in which a subject is seen that the moment lacks
_GONE_S = 0.2  # without a subject: less is nothing to see
_REPEATED_SHARE = 0.5  # of a moment, from which it counts as shown before


class LocalAnalyst:
    """An Analyst that measures. The same clips give the same analysis."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def analyse(self, clips: Sequence[FetchedClip], style: str, duration_s: float) -> ClipAnalysis:
        """Measure, cut into moments, score and judge.

        A clip that cannot be used is listed in `rejected_clips`. Where too little footage passes,
        the best of
        what has lesser faults is let through, and `warnings` says so.

        Raises PermanentError("too_many_clips") and, naming every clip's reason,
        PermanentError("no_usable_clips").
        """
        if len(clips) > self._settings.max_clips:
            raise PermanentError(
                ErrorCode.TOO_MANY_CLIPS,
                f"{len(clips)} clips were given; at most {self._settings.max_clips} can be used",
            )
        measured, rejected = look_at(clips, duration_s)
        measured, repeats, repeated = _without_repeated_clips(measured)
        rejected += repeated
        warnings = [f"{name_of(one.clip.url)}: {note}" for one in measured for note in one.notes]

        candidates = [
            _reject_repeats(cut_into_moments(one.measures), repeats[index])
            for index, one in enumerate(measured)
        ]
        analysed = _scored(measured, candidates, style)
        analysed, forgiven = _enough(analysed, min(duration_s, MIN_DURATION_S))
        warnings += forgiven
        usable = [moment for clip in analysed for moment in clip.moments if not moment.rejects]
        if not usable:
            raise _nothing_usable(analysed, rejected)

        ranked = sorted(
            usable,
            key=lambda moment: (
                -(0.55 * moment.interest + 0.45 * moment.quality),
                moment.clip,
                moment.start_s,
            ),
        )
        opening = max(
            usable,
            key=lambda moment: (
                moment.duration_s >= HOOK_S - 1e-6,
                moment.hook,
                -moment.clip,
                -moment.start_s,
            ),
        )
        liveliness = sum(moment.scores.motion * moment.duration_s for moment in usable) / sum(
            moment.duration_s for moment in usable
        )
        return ClipAnalysis(
            clips=tuple(analysed),
            rejected_clips=tuple(rejected),
            hook_moment=opening.id,
            best_moments=tuple(moment.id for moment in ranked),
            mood=mood.mood(style, liveliness),
            music_prompt=mood.music_prompt(style, liveliness, duration_s),
            suggested_bpm=mood.suggested_bpm(style, liveliness),
            analyst=AnalystFacts(name="local"),
            warnings=tuple(warnings),
        )


def _without_repeated_clips(
    measured: list[Measured],
) -> tuple[list[Measured], list[list[Repeat]], list[RejectedClip]]:
    """Leave out clips that another one shows as a whole; give back the partial repeats of each clip
    that stays.
    """
    dropped: dict[int, RejectedClip] = {}
    partial: list[list[Repeat]] = [[] for _ in measured]
    for repeat in sorted(
        find_repeats([one.measures for one in measured]), key=lambda repeat: -repeat.share
    ):
        if repeat.better in dropped or repeat.worse in dropped:
            continue
        if repeat.share >= WHOLE_CLIP_SHARE:
            better, url = measured[repeat.better].clip.url, measured[repeat.worse].clip.url
            same = (
                f"the same footage as {name_of(better)} (pictures correlate at {repeat.alike:.3f})"
            )
            message = f"{repeat.share:.0%} of it is {same}, which is better"
            dropped[repeat.worse] = RejectedClip(
                url=url, code=ErrorCode.CLIP_DUPLICATE, message=message
            )
        else:
            partial[repeat.worse].append(repeat)
    kept = [index for index in range(len(measured)) if index not in dropped]
    repeats = [
        [repeat for repeat in partial[index] if repeat.better not in dropped] for index in kept
    ]
    return (
        [measured[index] for index in kept],
        repeats,
        [dropped[index] for index in sorted(dropped)],
    )


def _reject_repeats(candidates: list[Candidate], repeats: list[Repeat]) -> list[Candidate]:
    """Mark the moments that another clip shows too."""
    marked = []
    for candidate in candidates:
        span = candidate.span
        for repeat in repeats:
            shared_s = sum(
                max(0.0, min(span.end_s, other.end_s) - max(span.start_s, other.start_s))
                for other in repeat.spans
            )
            if shared_s >= _REPEATED_SHARE * span.duration_s:
                share = min(1.0, shared_s / span.duration_s)
                message = f"{share:.0%} of it is the same footage as in another clip (pictures correlate at {repeat.alike:.3f})"
                reason = RejectReason(code="duplicate", message=message)
                candidate = Candidate(span, candidate.measures, (*candidate.rejects, reason))
                break
        marked.append(candidate)
    return marked


def _scored(
    measured: list[Measured], candidates: list[list[Candidate]], style: str
) -> list[AnalysedClip]:
    taste = style_of(style).footage
    prints = [[candidate.measures.fingerprint for candidate in row] for row in candidates]
    flat = [(clip, place) for clip, row in enumerate(prints) for place in range(len(row))]
    clips = []
    for index, (one, row) in enumerate(zip(measured, candidates, strict=True)):
        facts = one.measures.facts
        moments = []
        for place, candidate in enumerate(row):
            measures, span = candidate.measures, candidate.span
            others = [
                prints[clip][other] for clip, other in flat if (clip, other) != (index, place)
            ]
            scores = scoring.quality_scores(
                measures, scoring.novelty(measures.fingerprint, others), one.measures.key_bits
            )
            quality = scoring.quality(scores, facts, scoring.overlay_cost(measures))
            interest = scoring.interest(scores, taste)
            path, gone = _path(one.measures, span)
            moments.append(
                Moment(
                    id=f"c{index}m{place}",
                    clip=index,
                    start_s=span.start_s,
                    end_s=span.end_s,
                    scores=scores,
                    quality=quality,
                    interest=interest,
                    hook=scoring.hook(
                        scores, quality=quality, interest=interest, duration_s=span.duration_s
                    ),
                    subject=scoring.subject(measures),
                    subject_path=path,
                    without_subject=gone,
                    faces=measures.faces,
                    overlays=_overlays(measures),
                    fingerprint=f"{measures.fingerprint:016x}",
                    description=scoring.description(scores),
                    rejects=candidate.rejects,
                )
            )
        shots = tuple(
            TimeSpan(start_s=shot.start_s, end_s=shot.end_s) for shot in one.measures.shots
        )
        keys = _key_frames_s(one.measures, moments)
        clips.append(
            AnalysedClip(
                facts=facts,
                shots=shots,
                moments=tuple(moments),
                key_frames_s=keys,
                picture=one.measures.picture,
            )
        )
    return clips


def _path(
    measures: ClipMeasures, span: Span
) -> tuple[tuple[SubjectPoint, ...], tuple[TimeSpan, ...]]:
    """Where the subject of a moment is when, about every half second, and in which parts it is
    gone.
    """
    places = subject_path(*_in(measures, span))
    path = tuple(
        SubjectPoint(time_s=place.time_s, box=place.box, source=place.source) for place in places
    )
    # What is seen just before or after tells whether somebody is missing.
    shot = next(
        (shot for shot in measures.shots if shot.start_s <= span.start_s < shot.end_s), span
    )
    about = Span(
        max(shot.start_s, span.start_s - _MISSED_S), min(shot.end_s, span.end_s + _MISSED_S)
    )
    pictures, steps = _in(measures, about)
    gone = (
        Span(max(one.start_s, span.start_s), min(one.end_s, span.end_s))
        for one in absences(pictures, subject_path(pictures, steps))
    )
    return path, tuple(
        TimeSpan(start_s=one.start_s, end_s=one.end_s) for one in gone if one.duration_s >= _GONE_S
    )


def _in(measures: ClipMeasures, span: Span) -> tuple[list[Seen], list[Step]]:
    """The pictures and the steps of movement inside a span."""
    seen = [
        Seen(sample.time_s, sample.faces, sample.luma)
        for sample in measures.samples
        if span.start_s <= sample.time_s < span.end_s
    ]
    return seen, [
        step
        for step in measures.steps
        if span.start_s <= step.time_s - step.elapsed_s and step.time_s < span.end_s
    ]


def _key_frames_s(measures: ClipMeasures, moments: Sequence[Moment]) -> tuple[float, ...]:
    inside = (
        time_s
        for time_s in measures.key_frames_s
        if any(moment.start_s <= time_s < moment.end_s for moment in moments)
    )
    return tuple(round(time_s, 6) for time_s in inside)


def _overlays(measures: StretchMeasures) -> tuple[Overlay, ...]:
    logos = [Overlay(kind="watermark", box=box) for box in measures.logos]
    return (*logos, *(Overlay(kind="text", box=box) for box in measures.writing))


def _enough(clips: list[AnalysedClip], needed_s: float) -> tuple[list[AnalysedClip], list[str]]:
    """Let the best of what has only lesser faults through until `needed_s` seconds are usable; say
    so.
    """
    usable_s = sum(
        moment.duration_s for clip in clips for moment in clip.moments if not moment.rejects
    )
    forgivable = [
        moment
        for clip in clips
        for moment in clip.moments
        if moment.rejects and all(reason.code in LESSER_CODES for reason in moment.rejects)
    ]
    forgivable.sort(
        key=lambda moment: (len(moment.rejects), -moment.quality, moment.clip, moment.start_s)
    )
    forgiven: dict[str, Moment] = {}
    warnings = []
    for moment in forgivable:
        if usable_s >= needed_s:
            break
        forgiven[moment.id] = moment.model_copy(update={"rejects": ()})
        usable_s += moment.duration_s
        where = f"{name_of(clips[moment.clip].facts.url)} {moment.start_s:.1f}–{moment.end_s:.1f} s"
        faults = "; ".join(reason.message for reason in moment.rejects)
        warnings.append(f"{where} is used for want of anything better, although: {faults}")
    cleared = [
        clip.model_copy(
            update={"moments": tuple(forgiven.get(moment.id, moment) for moment in clip.moments)}
        )
        if forgiven
        else clip
        for clip in clips
    ]
    return cleared, warnings


def _nothing_usable(clips: list[AnalysedClip], rejected: list[RejectedClip]) -> PermanentError:
    said = [f"{name_of(clip.url)}: {clip.message}" for clip in rejected]
    for clip in clips:
        found = list(
            dict.fromkeys(reason.message for moment in clip.moments for reason in moment.rejects)
        ) or ["no shot in it is long enough"]
        said.append(f"{name_of(clip.facts.url)}: {'; '.join(found[:3])}")
    listed = " | ".join(said) if said else "no clips were given"
    return PermanentError(
        ErrorCode.NO_USABLE_CLIPS, f"none of the clips can be used. {listed}", reasons=said
    )
