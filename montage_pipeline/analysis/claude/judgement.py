"""Claude's answer: its shape, and the checks that the API does not make.

Does not belong here: what becomes of a good answer (`claude_merge`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError

from montage_pipeline.analysis.model import Moment, MomentMood, StoryRole
from montage_pipeline.footage.model import Box
from montage_pipeline.records import Record

HOOK_SLACK = 25
"""Percent by which another usable moment's hook score may be above that of the moment that is to
open the Reel.
"""
EDGE_SLACK = 5
"""Percent by which a box may leave its frame, where it is cut; boxes are estimated by eye."""
TIME_SLACK_S = 0.11  # times are shown to a tenth of a second
_DIM_LIGHT, _BRIGHT_LIGHT = (
    0.30,
    0.60,
    # mean light of the shown frames (0..1): above the first not black, below the second not burnt out
)
_BLACK_LIGHT = 0.03
_SHARP = 0.95

_Percent = Annotated[int, Field(ge=0, le=100, strict=True)]
_Extent = Annotated[int, Field(ge=1, le=100, strict=True)]
_Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)]


class UnusableAnswerError(ValueError):
    """The answer is not a judgement of what was asked.

    Its text is meant for the one who answered.
    """


@dataclass(frozen=True)
class Shown:
    """What Claude saw of a moment: the times (seconds) of its frames, and their mean light (0..1,
    the brightest frame's).
    """

    moment: Moment
    times_s: tuple[float, ...]
    light: float


class SubjectBox(Record):
    """Where the subject is in one of the moment's frames, which are shown whole: percent of the
    clip's picture.
    """

    frame: Annotated[int, Field(ge=1, strict=True)]
    x: _Percent
    y: _Percent
    width: _Extent
    height: _Extent

    def box(self) -> Box:
        """The same in shares, cut at the edges of the picture."""
        x, y = min(self.x, 99) / 100, min(self.y, 99) / 100
        return Box(
            x=x, y=y, width=min(self.width / 100, 1 - x), height=min(self.height / 100, 1 - y)
        )


class Rejection(Record):
    """Why a moment must not be used.

    Shake and a frozen picture are measured: a few frames do not show them.
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

    Raises UnusableAnswerError with every problem found. Moments that were left out are accepted up
    to half of those asked.
    """
    try:
        judgement = Judgement.model_validate_json(text)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, problem['loc'])) or 'answer'}: {problem['msg']}"
            for problem in error.errors()[:8]
        ]
        raise UnusableAnswerError("; ".join(problems)) from error
    problems = _contradictions(judgement, shown)
    for verdict in judgement.moments:
        if verdict.id in shown:
            problems += [
                f"moment {verdict.id}: {problem}"
                for problem in _against_what_was_shown(verdict, shown[verdict.id])
            ]
    if problems:
        raise UnusableAnswerError("; ".join(problems[:12]))
    return judgement


def _contradictions(judgement: Judgement, shown: Mapping[str, Shown]) -> list[str]:
    known, judged = set(shown), [verdict.id for verdict in judgement.moments]
    usable = {
        verdict.id: verdict.hook_score
        for verdict in judgement.moments
        if verdict.reject is None and verdict.id in known
    }
    problems = []
    if unknown := sorted(set(judged) - known):
        problems.append(f"moments: there is no moment {_listed(unknown)}")
    if twice := sorted({name for name in judged if judged.count(name) > 1}):
        problems.append(f"moments: judged more than once: {_listed(twice)}")
    if 2 * len(known & set(judged)) < len(known):
        problems.append(
            f"moments: only {len(known & set(judged))} of {len(known)} moments are judged"
        )
    if not usable:
        problems.append("moments: every moment is rejected; keep those that can be shown")
    hook = judgement.hook_moment
    if hook not in usable:
        problems.append(
            f"hook_moment: {_listed([hook])} is not a moment that is judged and not rejected"
        )
    else:
        if shown[hook].light < _BLACK_LIGHT:
            problems.append(f"hook_moment: the frames of {hook} are black")
        best = max(usable, key=lambda name: usable[name])
        if usable[best] - usable[hook] > HOOK_SLACK:
            problems.append(
                f"hook_moment: {hook} has hook_score {usable[hook]}, but {best} has {usable[best]}"
            )
    if wrong := [name for name in judgement.best_moments if name not in usable]:
        problems.append(
            f"best_moments: {_listed(wrong)}: not moments that are judged and not rejected"
        )
    if twice := sorted(
        {name for name in judgement.best_moments if judgement.best_moments.count(name) > 1}
    ):
        problems.append(f"best_moments: named more than once: {_listed(twice)}")
    return problems


def _against_what_was_shown(verdict: MomentJudgement, shown: Shown) -> list[str]:
    moment, problems = shown.moment, []
    if not moment.start_s - TIME_SLACK_S <= verdict.peak_s <= moment.end_s + TIME_SLACK_S:
        problems.append(
            f"peak_s {verdict.peak_s:g} is outside of {moment.start_s:.1f} to {moment.end_s:.1f} s"
        )
    for place in verdict.subject:
        if place.frame > len(shown.times_s):
            problems.append(f"subject: there is no frame {place.frame}, only {len(shown.times_s)}")
        if place.x + place.width > 100 + EDGE_SLACK or place.y + place.height > 100 + EDGE_SLACK:
            problems.append(
                f"subject: the box {place.x},{place.y} {place.width}x{place.height} leaves its frame (percent of the frame)"
            )
    if len({place.frame for place in verdict.subject}) < len(verdict.subject):
        problems.append("subject: two boxes in one frame")
    code = verdict.reject.code if verdict.reject else None
    if code in ("black", "dark") and shown.light > _DIM_LIGHT:
        problems.append(
            f"rejected as {code}, but its frames are bright (mean {shown.light:.0%} of white)"
        )
    if code == "overexposed" and shown.light < _BRIGHT_LIGHT:
        problems.append(
            f"rejected as overexposed, but its frames are at {shown.light:.0%} of white"
        )
    if code == "blurred" and moment.scores.sharpness >= _SHARP:
        problems.append(
            f"rejected as blurred, but its measured sharpness is {moment.scores.sharpness:.0%}"
        )
    return problems


def _listed(names: list[str]) -> str:
    """Names from the answer, short enough to be said again."""
    return ", ".join(repr(name[:20]) for name in names[:6])
