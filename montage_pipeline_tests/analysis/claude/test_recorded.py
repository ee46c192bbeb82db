"""Answers that a vision model gave to real contact sheets: read as they are, at their price."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from montage_pipeline.analysis.claude.candidates import Glimpse
from montage_pipeline.analysis.claude.judgement import Crop, Shown, read_judgement
from montage_pipeline.analysis.claude.prompt import answer_schema, prompt_version
from montage_pipeline.analysis.claude.tokens import text_tokens
from montage_pipeline_tests.editing.footage import moment

FOLDERS = sorted(
    path.parent
    for path in (Path(__file__).parents[3] / "benchmarks/eye/answers").glob("*/answer.json")
)


def _shown(asked: dict[str, Any]) -> dict[str, Shown]:
    return {
        name: Shown(
            moment(0, 0, known["start_s"], known["end_s"], id=name),
            tuple(known["times_s"]),
            0.5,
            Crop("across", 0.32),
        )
        for name, known in asked["moments"].items()
    }


def _glimpses(asked: dict[str, Any]) -> list[Glimpse]:
    """As many frames of each clip as were shown."""
    return [
        Glimpse(
            int(name.removeprefix("clip")) - 1, (moment(0, 0, 0.0, 5.0),) * len(seen["times_s"])
        )
        for name, seen in asked["glimpses"].items()
    ]


def test_there_are_answers() -> None:
    assert len(FOLDERS) >= 5


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.name))
def test_a_recorded_answer_is_read_and_cost_no_more_than_predicted(folder: Path) -> None:
    asked, answer = (
        json.loads((folder / name).read_text()) for name in ("asked.json", "answer.json")
    )
    if asked["prompt_version"] == prompt_version():
        jsonschema.validate(answer, answer_schema())
        shown = _shown(asked)
        glimpses = _glimpses(asked)
        judgement = read_judgement(json.dumps(answer), shown, glimpses)
        assert [judged.id for judged in judgement.glimpses] == [seen.id for seen in glimpses]
        assert judgement.judged == shown.keys(), "every moment is judged"
    tokens = text_tokens(json.dumps(answer, separators=(",", ":")), 1.3)
    expected = 65 + 22 * len(asked["moments"]) + 95 * len(answer["best"])
    expected += sum(16 + 3 * len(glimpse["interest"]) for glimpse in answer["glimpses"])
    assert 0.8 * expected <= tokens <= 1.02 * expected, "the prediction errs on the dear side"
    assert Decimal(asked["predicted_usd"]) <= Decimal("0.030")
