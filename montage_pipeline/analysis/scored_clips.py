"""Measured clips written down as `AnalysedClip`, every moment with its scores.

Belongs here: which figure goes into which field of the document.
Does not belong here: how a score is made (scoring), what is rejected (faults, repeats).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.analysis import scoring
from montage_pipeline.analysis.describing import description
from montage_pipeline.analysis.hook_windows import hook_windows_of
from montage_pipeline.analysis.instants import instants_of
from montage_pipeline.analysis.model import (
    AnalysedClip,
    LivingSighting,
    LivingThing,
    Moment,
    Movement,
    Overlay,
    SubjectPoint,
    TimeSpan,
)
from montage_pipeline.analysis.moments import UnscoredMoment
from montage_pipeline.footage.measuring.measures import SAMPLE_S, ClipMeasures, SpanMeasures
from montage_pipeline.footage.measuring.movement import FrameMotion
from montage_pipeline.footage.measuring.subject import (
    SeenFrame,
    absences,
    person_around,
    subject_path,
)
from montage_pipeline.footage.miniatures import miniature_of
from montage_pipeline.footage.model import Box
from montage_pipeline.spans import Span
from montage_pipeline.styles import style_of
from montage_pipeline.styles.model import FootageTaste

_FACE_SHARE = 0.3  # of a moment, from which its face is the subject of all of it
_ABOUT_S = 3.0  # before and after a moment, in which a subject is seen that the moment lacks
_MIN_ABSENCE_S = 0.2  # shorter ones are not noticed


def scored_clips(
    clips: Sequence[ClipMeasures], moments: Sequence[Sequence[UnscoredMoment]], style: str
) -> list[AnalysedClip]:
    """The clips with their moments scored for a style; `moments` has a row for each clip."""
    taste = style_of(style).footage
    fingerprints = [moment.measures.fingerprint for row in moments for moment in row]

    analysed = []
    place = 0  # of a moment among those of all clips
    for index, (clip, row) in enumerate(zip(clips, moments, strict=True)):
        scorer = _ClipScorer(index, clip, taste)
        scored = []
        for number, moment in enumerate(row):
            others = fingerprints[:place] + fingerprints[place + 1 :]
            novelty = scoring.novelty(fingerprints[place], others)
            scored.append(scorer.scored(number, moment, novelty))
            place += 1
        analysed.append(_analysed(clip, scored))
    return analysed


def _analysed(clip: ClipMeasures, moments: Sequence[Moment]) -> AnalysedClip:
    return AnalysedClip(
        facts=clip.facts_seen,
        shots=tuple(_time_span(shot) for shot in clip.shots),
        moments=tuple(moments),
        key_frames_s=tuple(
            round(time_s, 6)
            for time_s in clip.keyframes_s
            if any(moment.start_s <= time_s < moment.end_s for moment in moments)
        ),
        instants=instants_of(clip),
        phrases=tuple(_time_span(phrase) for phrase in clip.phrases),
        miniatures=tuple(
            miniature_of(sample.time_s, sample.luma, sample.chroma)
            for sample in clip.samples
            if any(moment.start_s <= sample.time_s < moment.end_s for moment in moments)
        ),
    )


class _ClipScorer:
    """Scores the moments of one clip."""

    def __init__(self, index: int, clip: ClipMeasures, taste: FootageTaste) -> None:
        self._index = index
        self._clip = clip
        self._taste = taste

    def scored(self, number: int, moment: UnscoredMoment, novelty: float) -> Moment:
        """The moment as it goes into the document; `number` is its place in the clip."""
        measures, span = moment.measures, moment.span
        scores = scoring.quality_scores(measures, novelty, self._clip.key_bits)
        overlay_cost = scoring.overlay_cost(measures)
        quality = scoring.quality(scores, self._clip.facts_seen, overlay_cost)
        interest = scoring.interest(scores, self._taste)
        windows = hook_windows_of(self._clip, span, overlay_cost)
        # What is shorter than a hook is told by its mean.
        hook = max((window.score for window in windows), default=None)
        if hook is None:
            hook = scoring.hook(
                scores,
                quality=quality,
                duration_s=span.duration_s,
                smooth=scoring.smoothness(self._clip.facts),
            )
        return Moment(
            id=f"c{self._index}m{number}",
            clip=self._index,
            start_s=span.start_s,
            end_s=span.end_s,
            scores=scores,
            quality=quality,
            interest=interest,
            hook=hook,
            hook_windows=windows,
            subject=_subject(measures),
            subject_path=_path(self._clip, span),
            without_subject=_without_subject(self._clip, span),
            faces=measures.faces,
            living=_living(self._clip, span),
            movement=_movement(self._clip, span),
            travel_x=round(measures.travel[0], 4),
            travel_y=round(measures.travel[1], 4),
            overlays=_overlays(measures),
            fingerprint=f"{measures.fingerprint:016x}",
            description=description(measures, scores),
            rejects=moment.rejects,
        )


def _subject(measures: SpanMeasures) -> Box | None:
    """Where to look: the face with its shoulders, else the movement, else nowhere in particular."""
    if measures.face is not None and measures.face_share >= _FACE_SHARE:
        return person_around(measures.face)
    return measures.moving


def _path(clip: ClipMeasures, span: Span) -> tuple[SubjectPoint, ...]:
    """Where the subject is when, about every half second."""
    return tuple(
        SubjectPoint(time_s=place.time_s, box=place.box, source=place.source)
        for place in subject_path(_frames(clip, span), _motions(clip, span))
    )


def _without_subject(clip: ClipMeasures, span: Span) -> tuple[TimeSpan, ...]:
    """The parts of a span in which its subject is gone.

    What is seen just before and after, in the same shot, tells whether somebody is missing.
    """
    shot = next((shot for shot in clip.shots if shot.holds(span.start_s)), span)
    about = Span(max(shot.start_s, span.start_s - _ABOUT_S), min(shot.end_s, span.end_s + _ABOUT_S))
    frames = _frames(clip, about)
    gone = absences(frames, subject_path(frames, _motions(clip, about)))

    inside = [Span(max(part.start_s, span.start_s), min(part.end_s, span.end_s)) for part in gone]
    return tuple(_time_span(part) for part in inside if part.duration_s >= _MIN_ABSENCE_S)


def _frames(clip: ClipMeasures, span: Span) -> list[SeenFrame]:
    return [
        SeenFrame(sample.time_s, sample.faces, sample.luma, bool(sample.living))
        for sample in clip.samples
        if span.holds(sample.time_s)
    ]


def _motions(clip: ClipMeasures, span: Span) -> list[FrameMotion]:
    """What moved between frames that both lie inside a span."""
    return [
        motion
        for motion in clip.motions
        if span.start_s <= motion.time_s - motion.elapsed_s and motion.time_s < span.end_s
    ]


def _living(clip: ClipMeasures, span: Span) -> tuple[LivingSighting, ...]:
    """The people and animals of a span, at the times at which there are any."""
    return tuple(
        LivingSighting(
            time_s=sample.time_s,
            things=tuple(LivingThing(box=thing.box, score=thing.score) for thing in sample.living),
        )
        for sample in clip.samples
        if span.holds(sample.time_s) and sample.living
    )


def _movement(clip: ClipMeasures, span: Span) -> tuple[Movement, ...]:
    """Where it moves in a span, one entry for each sample after which anything moved."""
    motions = _motions(clip, span)
    found = []
    for sample in clip.samples:
        after = Span(sample.time_s, sample.time_s + SAMPLE_S)
        maps = [motion.where for motion in motions if after.holds(motion.time_s)]
        if span.holds(sample.time_s) and maps:
            where = np.mean(maps, axis=0, dtype=np.float64)
            across, down = where.mean(axis=0), where.mean(axis=1)
            found.append(Movement(time_s=sample.time_s, across=_levels(across), down=_levels(down)))
    return tuple(found)


def _levels(amounts: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(amount), 2) for amount in amounts)


def _overlays(measures: SpanMeasures) -> tuple[Overlay, ...]:
    logos = [Overlay(kind="watermark", box=box) for box in measures.logos]
    texts = [Overlay(kind="text", box=box) for box in measures.writing]
    return (*logos, *texts)


def _time_span(span: Span) -> TimeSpan:
    return TimeSpan(start_s=span.start_s, end_s=span.end_s)
