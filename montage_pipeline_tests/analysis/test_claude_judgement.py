"""Claude's answer: the packaged schema, and what is refused in it."""

import copy
import json
from typing import Any

import pytest

from montage_pipeline.analysis.claude_judgement import (
    Judgement,
    MomentJudgement,
    Rejection,
    SubjectBox,
    UnusableAnswerError,
    read_judgement,
)
from montage_pipeline.analysis.claude_request import answer_schema

ASKED = ["a", "b", "c", "d"]


def _moment(name: str, **changes: Any) -> dict[str, Any]:
    return {"id": name, "hook_score": 60, "interest": 70, "description": "a dog runs", "subject": None, "reject": None, **changes}


GOOD: dict[str, Any] = {
    "moments": [_moment(name) for name in ASKED],
    "hook_moment": "a",
    "best_moments": ["b", "a"],
    "mood": "happy",
    "music_prompt": "Instrumental indie pop with claps.",
    "suggested_bpm": 120,
}


def _answer(**changes: Any) -> str:
    return json.dumps({**copy.deepcopy(GOOD), **changes})


def test_a_good_answer_is_read() -> None:
    assert read_judgement(_answer(), ASKED).hook_moment == "a"


def test_a_few_moments_may_be_left_out() -> None:
    assert len(read_judgement(_answer(moments=GOOD["moments"][:2]), ASKED).moments) == 2


REJECTED = {"code": "dark", "reason": "night"}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"moments": [_moment("a")]}, "only 1 of 4"),
        ({"moments": [*GOOD["moments"], _moment("z")]}, "no moment z"),
        ({"moments": [*GOOD["moments"], _moment("a")]}, "more than once: a"),
        ({"moments": [_moment(name, reject=REJECTED) for name in ASKED]}, "every moment is rejected"),
        ({"moments": [_moment("a", reject=REJECTED), *GOOD["moments"][1:]]}, "hook_moment: 'a'"),
        ({"moments": [*GOOD["moments"][:1], _moment("b", reject=REJECTED), *GOOD["moments"][2:]]}, "best_moments: b"),
        ({"hook_moment": "z"}, "hook_moment: 'z'"),
        ({"best_moments": ["z"]}, "best_moments: z"),
        ({"best_moments": []}, "best_moments"),
        ({"suggested_bpm": 20}, "suggested_bpm"),
        ({"suggested_bpm": 120.5}, "suggested_bpm"),
        ({"mood": " "}, "mood"),
        ({"moments": [_moment("a", hook_score=101), *GOOD["moments"][1:]]}, "moments.0.hook_score"),
        ({"moments": [_moment("a", hook_score="60"), *GOOD["moments"][1:]]}, "moments.0.hook_score"),
        ({"moments": [_moment("a", subject={"x": 10, "y": 10, "width": 0, "height": 5}), *GOOD["moments"][1:]]}, "moments.0.subject.width"),
        ({"moments": [_moment("a", reject={"code": "ugly", "reason": ""}), *GOOD["moments"][1:]]}, "moments.0.reject.code"),
        ({"extra": 1}, "extra"),
    ],
)
def test_an_answer_that_cannot_be_used_says_what_is_wrong(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(UnusableAnswerError) as caught:
        read_judgement(_answer(**changes), ASKED)
    assert problem in str(caught.value)


def test_a_box_that_leaves_the_picture_is_cut_at_its_edge() -> None:
    box = SubjectBox(x=80, y=99, width=60, height=50).box()
    assert (box.x + box.width, box.y + box.height) == (pytest.approx(1), pytest.approx(1))


def test_the_packaged_schema_asks_for_just_what_is_read() -> None:
    schema = answer_schema()
    moment = schema["properties"]["moments"]["items"]
    subject, reject = (moment["properties"][name]["anyOf"][0] for name in ("subject", "reject"))
    for asked, read in ((schema, Judgement), (moment, MomentJudgement), (subject, SubjectBox), (reject, Rejection)):
        assert set(asked["properties"]) == set(asked["required"]) == set(read.model_fields)
        assert asked["additionalProperties"] is False
    read_codes = Rejection.model_json_schema()["properties"]["code"]["enum"]
    assert reject["properties"]["code"]["enum"] == read_codes
