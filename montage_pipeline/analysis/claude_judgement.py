"""Claude's answer: its shape, the checks the API does not make, and how it is merged into what was measured."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError

from montage_pipeline.analysis.model import AnalystFacts, ClipAnalysis, Moment, RejectReason
from montage_pipeline.footage.model import Box
from montage_pipeline.records import Record

JUDGED_SHARE = 0.7
"""Weight of Claude's score in `interest` and `hook`; the rest is the measured score, which orders what Claude rates alike."""

UNSEEN_FACTOR = 0.8
"""`interest` and `hook` of a moment nobody looked at: of two that measure alike, the one that was seen goes first."""

_Percent = Annotated[int, Field(ge=0, le=100, strict=True)]
_Extent = Annotated[int, Field(ge=1, le=100, strict=True)]


class UnusableAnswerError(ValueError):
    """The answer is not a judgement of what was asked. Its text is meant for the one who answered."""


class SubjectBox(Record):
    """Percent of the displayed picture."""

    x: Annotated[int, Field(ge=0, le=99, strict=True)]
    y: Annotated[int, Field(ge=0, le=99, strict=True)]
    width: _Extent
    height: _Extent

    def box(self) -> Box:
        """The same in shares, cut at the edges of the picture."""
        x, y = self.x / 100, self.y / 100
        return Box(x=x, y=y, width=min(self.width / 100, 1 - x), height=min(self.height / 100, 1 - y))


class Rejection(Record):
    """Why a moment must not be used."""

    code: Literal["blurred", "dark", "overexposed", "shaky", "frozen", "black", "duplicate", "irrelevant", "other"]
    reason: str = Field(max_length=300)


class MomentJudgement(Record):
    """Claude's view of one moment; scores in percent."""

    id: str
    hook_score: _Percent
    interest: _Percent
    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)]
    subject: SubjectBox | None
    reject: Rejection | None


class Judgement(Record):
    """Claude's whole answer, in the shape of claude_schema.json."""

    moments: tuple[MomentJudgement, ...]
    hook_moment: str
    best_moments: tuple[str, ...] = Field(min_length=1)
    mood: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
    music_prompt: Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=600)]
    suggested_bpm: Annotated[int, Field(ge=50, le=200, strict=True)]


def read_judgement(text: str, asked: Sequence[str]) -> Judgement:
    """The judgement in an answer's text. `asked` are the ids of the moments that were shown.

    Raises UnusableAnswerError with every problem found. Moments that were left out are accepted up to half of those asked.
    """
    try:
        judgement = Judgement.model_validate_json(text)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, problem['loc'])) or 'answer'}: {problem['msg']}" for problem in error.errors()[:8]]
        raise UnusableAnswerError("; ".join(problems)) from error
    problems = _contradictions(judgement, asked)
    if problems:
        raise UnusableAnswerError("; ".join(problems))
    return judgement


def _contradictions(judgement: Judgement, asked: Sequence[str]) -> list[str]:
    known, judged = set(asked), [moment.id for moment in judgement.moments]
    usable = {moment.id for moment in judgement.moments if moment.reject is None}
    problems = []
    if unknown := sorted(set(judged) - known):
        problems.append(f"moments: there is no moment {', '.join(unknown)}")
    if twice := sorted({name for name in judged if judged.count(name) > 1}):
        problems.append(f"moments: judged more than once: {', '.join(twice)}")
    if 2 * len(known & set(judged)) < len(known):
        problems.append(f"moments: only {len(known & set(judged))} of {len(known)} moments are judged")
    if not usable & known:
        problems.append("moments: every moment is rejected; keep those that can be shown")
    if judgement.hook_moment not in usable & known:
        problems.append(f"hook_moment: {judgement.hook_moment!r} is not a moment that is judged and not rejected")
    if wrong := [name for name in judgement.best_moments if name not in usable & known]:
        problems.append(f"best_moments: {', '.join(wrong)}: not moments that are judged and not rejected")
    return problems


def merge(measured: ClipAnalysis, judgement: Judgement, asked: Sequence[str], analyst: AnalystFacts) -> ClipAnalysis:
    """The measured analysis with Claude's scores, descriptions, subjects and rejects.

    What was measured stays: quality, scores, fingerprints, technical rejects. `best_moments` is Claude's order, then the
    other usable moments by interest.
    """
    verdicts = {verdict.id: verdict for verdict in judgement.moments}
    clips = tuple(
        clip.model_copy(update={"moments": tuple(_judged(moment, verdicts.get(moment.id)) for moment in clip.moments)})
        for clip in measured.clips
    )
    usable = [moment for clip in clips for moment in clip.moments if not moment.rejects]
    best = list(dict.fromkeys(judgement.best_moments))
    best += [moment.id for moment in sorted(usable, key=lambda moment: (-moment.interest, moment.id)) if moment.id not in best]
    left_out = [name for name in asked if name not in verdicts]
    warnings = measured.warnings
    if left_out:
        warnings += (f"Claude gave no judgement of {', '.join(left_out)}; their measured scores are used.",)
    return ClipAnalysis(
        clips=clips,
        rejected_clips=measured.rejected_clips,
        hook_moment=judgement.hook_moment,
        best_moments=tuple(best),
        mood=judgement.mood,
        music_prompt=judgement.music_prompt,
        suggested_bpm=judgement.suggested_bpm,
        analyst=analyst,
        warnings=warnings,
    )


def _judged(moment: Moment, verdict: MomentJudgement | None) -> Moment:
    if verdict is None:
        return moment.model_copy(update={"interest": moment.interest * UNSEEN_FACTOR, "hook": moment.hook * UNSEEN_FACTOR})
    rejects = moment.rejects
    if verdict.reject is not None:
        rejects += (RejectReason(code=verdict.reject.code, message=verdict.reject.reason),)
    return moment.model_copy(
        update={
            "interest": _blend(verdict.interest, moment.interest),
            "hook": _blend(verdict.hook_score, moment.hook),
            "subject": verdict.subject.box() if verdict.subject else moment.subject,
            "description": verdict.description,
            "rejects": rejects,
        }
    )


def _blend(judged_percent: int, measured: float) -> float:
    return JUDGED_SHARE * judged_percent / 100 + (1 - JUDGED_SHARE) * measured
