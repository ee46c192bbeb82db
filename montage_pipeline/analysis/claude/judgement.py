"""Claude's answer: its shape, and the checks that the API does not make.

Does not belong here: what becomes of a good answer (merge).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError

from montage_pipeline.analysis.model import Moment, MomentMood, StoryRole
from montage_pipeline.footage.model import Box
from montage_pipeline.records import Record

_HOOK_SLACK = 25
"""Percent by which another usable moment's hook score may exceed that of the chosen hook."""

_EDGE_SLACK = 5
"""Percent by which a box may leave its frame, where it is cut; boxes are estimated by eye."""

_TIME_SLACK_S = 0.11  # times are shown to a tenth of a second

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
_Extent = Annotated[int, Field(ge=1, le=100, strict=True)]
_Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)]


class UnusableAnswerError(ValueError):
    """The answer is not a judgement of what was asked. Its text is told to Claude."""


@dataclass(frozen=True)
class Shown:
    """What Claude saw of a moment: the times (s) of its frames, and the brightest one's mean light.

    `light` is 0..1.
    """

    moment: Moment
    times_s: tuple[float, ...]
    light: float


class SubjectBox(Record):
    """Where the subject is in one of the moment's frames, in percent of the frame."""

    frame: Annotated[int, Field(ge=1, strict=True)]
    x: _Percent
    y: _Percent
    width: _Extent
    height: _Extent

    def box(self) -> Box:
        """The same in shares, cut at the edges of the frame."""
        x, y = min(self.x, 99) / 100, min(self.y, 99) / 100
        return Box(
            x=x, y=y, width=min(self.width / 100, 1 - x), height=min(self.height / 100, 1 - y)
        )


class Rejection(Record):
    """Why a moment must not be used.

    Shake and frozen footage are measured: a few frames do not show them.
    """

    code: Literal["blurred", "dark", "overexposed", "black", "duplicate", "irrelevant", "other"]
    reason: _Line = Field(description="one short sentence")


class MomentJudgement(Record):
    """Claude's view of one moment; scores in percent."""

    id: str
    hook_score: _Percent
    interest: _Percent
    reason: _Line
    role: StoryRole
    mood: MomentMood
    peak_s: float
    subject: tuple[SubjectBox, ...]
    reject: Rejection | None


class Judgement(Record):
    """Claude's whole answer."""

    moments: tuple[MomentJudgement, ...]
    hook_moment: str
    best_moments: tuple[str, ...] = Field(min_length=1)
    mood: Annotated[_Line, Field(min_length=1)]
    music_prompt: Annotated[_Line, Field(min_length=10)]
    suggested_bpm: Annotated[int, Field(ge=50, le=200, strict=True)]


def read_judgement(text: str, shown: Mapping[str, Shown]) -> Judgement:
    """The judgement in an answer's text. `shown` are the moments that were asked about, by id.

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
    ]
    for verdict in judgement.moments:
        if verdict.id in shown:
            found = _verdict_problems(verdict, shown[verdict.id])
            problems += [f"moment {verdict.id}: {problem}" for problem in found]
    if problems:
        raise UnusableAnswerError("; ".join(problems[:_MAX_PROBLEMS]))
    return judgement


def _shape_problems(error: ValidationError) -> list[str]:
    return [
        f"{'.'.join(map(str, problem['loc'])) or 'answer'}: {problem['msg']}"
        for problem in error.errors()[:_MAX_SHAPE_PROBLEMS]
    ]


def _usable(judgement: Judgement, shown: Mapping[str, Shown]) -> dict[str, int]:
    """The hook scores of the moments that were asked about and are not rejected."""
    return {
        verdict.id: verdict.hook_score
        for verdict in judgement.moments
        if verdict.reject is None and verdict.id in shown
    }


def _moment_problems(judgement: Judgement, shown: Mapping[str, Shown]) -> list[str]:
    ids = [verdict.id for verdict in judgement.moments]
    judged = set(shown) & set(ids)
    problems = []
    if unknown := sorted(set(ids) - set(shown)):
        problems.append(f"moments: there is no moment {_listed(unknown)}")
    if repeated := _repeated(ids):
        problems.append(f"moments: judged more than once: {_listed(repeated)}")
    if len(judged) < _MIN_JUDGED_SHARE * len(shown):
        problems.append(f"moments: only {len(judged)} of {len(shown)} moments are judged")
    if not _usable(judgement, shown):
        problems.append("moments: every moment is rejected; keep those that can be shown")
    return problems


def _hook_problems(judgement: Judgement, shown: Mapping[str, Shown]) -> list[str]:
    hook, usable = judgement.hook_moment, _usable(judgement, shown)
    if hook not in usable:
        name = _listed([hook])
        return [f"hook_moment: {name} is not a moment that is judged and not rejected"]

    problems = []
    if shown[hook].light < _BLACK_LIGHT:
        problems.append(f"hook_moment: the frames of {hook} are black")
    best = max(usable, key=lambda name: usable[name])
    if usable[best] - usable[hook] > _HOOK_SLACK:
        problems.append(
            f"hook_moment: {hook} has hook_score {usable[hook]}, but {best} has {usable[best]}"
        )
    return problems


def _best_problems(judgement: Judgement, shown: Mapping[str, Shown]) -> list[str]:
    usable = _usable(judgement, shown)
    problems = []
    if wrong := [name for name in judgement.best_moments if name not in usable]:
        problems.append(
            f"best_moments: {_listed(wrong)}: not moments that are judged and not rejected"
        )
    if repeated := _repeated(judgement.best_moments):
        problems.append(f"best_moments: named more than once: {_listed(repeated)}")
    return problems


def _verdict_problems(verdict: MomentJudgement, shown: Shown) -> list[str]:
    """What contradicts the frames that were shown of a moment, or what was measured of it."""
    moment, problems = shown.moment, []
    if not moment.start_s - _TIME_SLACK_S <= verdict.peak_s <= moment.end_s + _TIME_SLACK_S:
        problems.append(
            f"peak_s {verdict.peak_s:g} is outside of {moment.start_s:.1f} to {moment.end_s:.1f} s"
        )
    problems += _box_problems(verdict.subject, len(shown.times_s))
    if verdict.reject is not None:
        problems += _rejection_problems(verdict.reject, shown)
    return problems


def _box_problems(boxes: Sequence[SubjectBox], frame_count: int) -> list[str]:
    problems = []
    maximum = 100 + _EDGE_SLACK
    for box in boxes:
        if box.frame > frame_count:
            problems.append(f"subject: there is no frame {box.frame}, only {frame_count}")
        if box.x + box.width > maximum or box.y + box.height > maximum:
            problems.append(
                f"subject: the box {box.x},{box.y} {box.width}x{box.height} leaves its frame "
                "(percent of the frame)"
            )
    if len({box.frame for box in boxes}) < len(boxes):
        problems.append("subject: two boxes in one frame")
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
