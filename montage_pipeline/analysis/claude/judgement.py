"""Claude's answer: its shape, and the checks that the API does not make.

Does not belong here: what becomes of a good answer (merge).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, StringConstraints, ValidationError

from montage_pipeline.analysis.claude.candidates import Glimpse
from montage_pipeline.analysis.model import Moment, MomentMood, StoryRole
from montage_pipeline.records import Record

_HOOK_SLACK = 25
"""Percent by which another usable moment's hook score may exceed that of the chosen hook."""

_TIME_SLACK_S = 0.11  # times are shown to a tenth of a second
_MIN_USE_S = 1.0  # less than this is over before it is understood

# Mean light of the brightest shown frame, 0..1.
_BLACK_LIGHT = 0.03  # below: nothing is to be seen
_DIM_LIGHT = 0.30  # above: not black, nor dark
_BRIGHT_LIGHT = 0.60  # below: not burnt out

_SHARP = 0.95  # measured sharpness of what cannot be blurred
_MIN_JUDGED_SHARE = 0.5  # of the moments that were asked about

# A problem is told to Claude in a correction, and costs tokens: what is wrong with a few is wrong
# with the others as well.
_MAX_SHAPE_PROBLEMS, _MAX_PROBLEMS = 8, 12
_MAX_LISTED, _MAX_NAME_LENGTH = 6, 20

_Percent = Annotated[int, Field(ge=0, le=100, strict=True)]
_Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)]


class UnusableAnswerError(ValueError):
    """The answer is not a judgement of what was asked. Its text is told to Claude."""


class Crop(NamedTuple):
    """How a clip's frame is cropped for the Reel: along which axis there is room, and the share of
    the frame (0..1) that the crop shows along it.
    """

    axis: Literal["across", "down"]
    share: float


@dataclass(frozen=True)
class Shown:
    """What Claude saw of a moment: the times (s) of its frames, and the brightest one's mean light.

    `light` is 0..1; `crop` is None where the whole frame fits.
    """

    moment: Moment
    times_s: tuple[float, ...]
    light: float
    crop: Crop | None = None


class ScoredMoment(Record):
    """How well a moment opens the Reel, and what the Reel gains by showing it, in percent."""

    id: str
    hook: _Percent
    interest: _Percent


class Rejection(Record):
    """Why a moment must not be used.

    Shake and frozen footage are measured: a few frames do not show them.
    """

    id: str
    code: Literal[
        "blurred",
        "dark",
        "overexposed",
        "black",
        "duplicate",
        "watermark",
        "irrelevant",
        "unwanted",
        "other",
    ]
    reason: _Line = Field(description="one short sentence")


class ChosenMoment(Record):
    """A moment of the Reel: what it shows, its usable part (s), and where to look in each frame.

    `look` is in percent along the axis of the clip's crop; None where the subject is gone, empty
    where there is no single subject.
    """

    id: str
    reason: _Line
    role: StoryRole
    mood: MomentMood
    peak_s: float
    use_from_s: float
    use_to_s: float
    look: tuple[_Percent | None, ...]


class GlimpsedClip(Record):
    """What the Reel would gain by showing the moments of a clip that are glimpsed, in percent: one
    number for each frame, 0 for what must not be shown.
    """

    id: str
    interest: tuple[_Percent, ...]


class Judgement(Record):
    """Claude's whole answer: scores of all moments but those rejected, what single frames of the
    rest of the clips promise, and details of the best moments.
    """

    scores: tuple[ScoredMoment, ...]
    glimpses: tuple[GlimpsedClip, ...] = ()
    rejected: tuple[Rejection, ...]
    best: tuple[ChosenMoment, ...] = Field(min_length=1)
    hook_moment: str
    mood: Annotated[_Line, Field(min_length=1)]
    music_prompt: Annotated[_Line, Field(min_length=10)]
    suggested_bpm: Annotated[int, Field(ge=50, le=200, strict=True)]

    @property
    def judged(self) -> frozenset[str]:
        """The ids of all moments that it says something of."""
        scored = {score.id for score in self.scores}
        return frozenset(scored | {rejection.id for rejection in self.rejected})


def read_judgement(
    text: str, shown: Mapping[str, Shown], glimpses: Sequence[Glimpse] = ()
) -> Judgement:
    """The judgement in an answer's text. `shown` are the moments that were asked about, by id,
    `glimpses` the single frames of other moments.

    Raises UnusableAnswerError with every problem found. Up to half of the moments may be left out.
    """
    try:
        judgement = Judgement.model_validate_json(text)
    except ValidationError as error:
        raise UnusableAnswerError("; ".join(_shape_problems(error))) from error

    problems = [
        *_moment_problems(judgement, shown),
        *_hook_problems(judgement, shown),
        *_best_problems(judgement, shown),
        *_glimpse_problems(judgement, glimpses),
    ]
    for chosen in judgement.best:
        if chosen.id in shown:
            problems += _about(chosen.id, _detail_problems(chosen, shown[chosen.id]))
    for rejection in judgement.rejected:
        if rejection.id in shown:
            problems += _about(rejection.id, _rejection_problems(rejection, shown[rejection.id]))
    if problems:
        raise UnusableAnswerError("; ".join(problems[:_MAX_PROBLEMS]))
    return judgement


def _about(name: str, problems: Sequence[str]) -> list[str]:
    return [f"moment {name}: {problem}" for problem in problems]


def _shape_problems(error: ValidationError) -> list[str]:
    return [
        f"{'.'.join(map(str, problem['loc'])) or 'answer'}: {problem['msg']}"
        for problem in error.errors()[:_MAX_SHAPE_PROBLEMS]
    ]


def _usable(judgement: Judgement, shown: Mapping[str, Shown]) -> dict[str, int]:
    """The hook scores of the moments that were asked about and are not rejected."""
    rejected = {rejection.id for rejection in judgement.rejected}
    return {
        score.id: score.hook
        for score in judgement.scores
        if score.id in shown and score.id not in rejected
    }


def _moment_problems(judgement: Judgement, shown: Mapping[str, Shown]) -> list[str]:
    problems = []
    for name, verdicts in (("scores", judgement.scores), ("rejected", judgement.rejected)):
        ids = [verdict.id for verdict in verdicts]
        if unknown := sorted(set(ids) - set(shown)):
            problems.append(f"{name}: there is no moment {_listed(unknown)}")
        if repeated := _repeated(ids):
            problems.append(f"{name}: judged more than once: {_listed(repeated)}")

    judged = set(shown) & judgement.judged
    if len(judged) < _MIN_JUDGED_SHARE * len(shown):
        problems.append(f"scores: only {len(judged)} of {len(shown)} moments are judged")
    if not _usable(judgement, shown):
        problems.append("rejected: every moment is rejected; keep those that can be shown")
    return problems


def _hook_problems(judgement: Judgement, shown: Mapping[str, Shown]) -> list[str]:
    hook, usable = judgement.hook_moment, _usable(judgement, shown)
    if hook not in usable:
        name = _listed([hook])
        return [f"hook_moment: {name} is not a moment that is scored and not rejected"]

    problems = []
    if shown[hook].light < _BLACK_LIGHT:
        problems.append(f"hook_moment: the frames of {hook} are black")
    best = max(usable, key=lambda name: usable[name])
    if usable[best] - usable[hook] > _HOOK_SLACK:
        problems.append(
            f"hook_moment: {hook} has hook {usable[hook]}, but {best} has {usable[best]}"
        )
    return problems


def _best_problems(judgement: Judgement, shown: Mapping[str, Shown]) -> list[str]:
    usable = _usable(judgement, shown)
    names = [chosen.id for chosen in judgement.best]
    problems = []
    if wrong := [name for name in names if name not in usable]:
        problems.append(f"best: {_listed(wrong)}: not moments that are scored and not rejected")
    if repeated := _repeated(names):
        problems.append(f"best: named more than once: {_listed(repeated)}")
    return problems


def _glimpse_problems(judgement: Judgement, glimpses: Sequence[Glimpse]) -> list[str]:
    frames = {glimpse.id: len(glimpse.moments) for glimpse in glimpses}
    names = [judged.id for judged in judgement.glimpses]
    problems = []
    if unknown := sorted(set(names) - set(frames)):
        problems.append(f"glimpses: there are no single frames of {_listed(unknown)}")
    if repeated := _repeated(names):
        problems.append(f"glimpses: judged more than once: {_listed(repeated)}")
    problems += [
        f"glimpses: {judged.id} has {len(judged.interest)} numbers for {frames[judged.id]} frames"
        for judged in judgement.glimpses
        if judged.id in frames and len(judged.interest) != frames[judged.id]
    ]
    return problems


def _detail_problems(chosen: ChosenMoment, shown: Shown) -> list[str]:
    """What contradicts the frames that were shown of a moment."""
    moment, problems = shown.moment, []
    for name in ("peak_s", "use_from_s", "use_to_s"):
        time_s = getattr(chosen, name)
        if not moment.start_s - _TIME_SLACK_S <= time_s <= moment.end_s + _TIME_SLACK_S:
            problems.append(
                f"{name} {time_s:g} is outside of {moment.start_s:.1f} to {moment.end_s:.1f} s"
            )
    if chosen.use_to_s - chosen.use_from_s < min(_MIN_USE_S, moment.duration_s - 2 * _TIME_SLACK_S):
        problems.append(
            f"use_from_s {chosen.use_from_s:g} to use_to_s {chosen.use_to_s:g} is too short to show"
        )
    if len(chosen.look) not in (0, len(shown.times_s)):
        problems.append(
            f"look has {len(chosen.look)} places for {len(shown.times_s)} frames; give one for "
            "each, or none"
        )
    return problems


def _rejection_problems(rejection: Rejection, shown: Shown) -> list[str]:
    code, light, sharpness = rejection.code, shown.light, shown.moment.scores.sharpness
    if code in ("black", "dark") and light > _DIM_LIGHT:
        return [f"rejected as {code}, but its frames are bright (mean {light:.0%} of white)"]
    if code == "overexposed" and light < _BRIGHT_LIGHT:
        return [f"rejected as overexposed, but its frames are at {light:.0%} of white"]
    if code == "blurred" and sharpness >= _SHARP:
        return [f"rejected as blurred, but its measured sharpness is {sharpness:.0%}"]
    return []


def _repeated(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def _listed(names: Sequence[str]) -> str:
    """Names from the answer, short enough to be repeated."""
    return ", ".join(repr(name[:_MAX_NAME_LENGTH]) for name in names[:_MAX_LISTED])
