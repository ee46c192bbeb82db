"""Reels judged from contact sheets, without a key: questions written to files, answers read from
them.

For each Reel a folder holds what Claude would be asked: the sheets, `question.txt` (the
instructions and the text between the sheets), `schema.json`, and `asked.json` (the prompt's version
and the moments that the ids stand for). Whoever looks at the sheets puts the answer beside them as
`answer.json`; it is then checked and merged as Claude's would be.
"""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.eye.reels import ReelOrder, fetched
from montage_pipeline.analysis.claude.body import Brief
from montage_pipeline.analysis.claude.candidates import Glimpse
from montage_pipeline.analysis.claude.judgement import Shown, read_judgement
from montage_pipeline.analysis.claude.merge import merge
from montage_pipeline.analysis.claude.prediction import Budget
from montage_pipeline.analysis.claude.prompt import answer_schema, prompt_version
from montage_pipeline.analysis.claude.request import Question, ask_about
from montage_pipeline.analysis.local import LocalAnalyst
from montage_pipeline.analysis.model import AnalystFacts, ClipAnalysis
from montage_pipeline.analysis.scan.attention import WHEN_JUDGED
from montage_pipeline.settings import Settings

_SAME_SPAN_S = 0.1
"""By which a moment may have moved since it was judged: what is said of it still holds."""

_SAME_FRAME_S = 0.5
"""The same of a single frame: what goes on there does."""


class JudgedReel(NamedTuple):
    """A judged analysis, and what asking for it was predicted to cost."""

    analysis: ClipAnalysis
    predicted_usd: Decimal


class UnansweredError(Exception):
    """There is no answer to what would be asked now; the text says where to put it."""


def judged(order: ReelOrder, folder: Path) -> JudgedReel:
    """The analysis of a Reel's clips with the answer from a folder.

    Writes the question there and raises UnansweredError when there is no answer, or one to another
    question; UnusableAnswerError when the answer contradicts what was shown.
    """
    settings = Settings()
    clips = [fetched(path) for path in order.clips]
    duration_s = float(order.duration_s)
    local = LocalAnalyst(settings, thoroughness=WHEN_JUDGED)
    measured = local.analyse(clips, order.style, duration_s)
    brief = Brief(measured, order.style, duration_s, settings.claude_model)
    budget = Budget(settings.claude_max_cost_usd, datetime.now(UTC).date())
    question = ask_about(brief, clips, budget)

    answer = folder / "answer.json"
    asked = _asked(question, measured)
    if not answer.is_file():
        _write(question, asked, folder)
        raise UnansweredError(f"look at the sheets in {folder} and answer in {answer.name}")
    if changes := _changes(json.loads((folder / "asked.json").read_text()), asked):
        raise UnansweredError(f"{answer} answers another question ({changes}); move it away")

    shown = {name: question.shown[name] for name in _names(asked, folder)}
    judgement = read_judgement(answer.read_text(), shown, question.glimpses)
    facts = AnalystFacts(name="claude", model="recorded", prompt_version=prompt_version())
    analysis = merge(
        measured,
        judgement,
        question.shown,
        facts,
        duration_s=duration_s,
        glimpses=question.glimpses,
    )
    return JudgedReel(analysis, question.prediction.cost_usd)


def _names(asked: Mapping[str, Any], folder: Path) -> list[str]:
    """The moments that were judged and are still asked about."""
    before = json.loads((folder / "asked.json").read_text())["moments"]
    return [name for name in asked["moments"] if name in before]


def _asked(question: Question, analysis: ClipAnalysis) -> dict[str, Any]:
    def known(shown: Shown) -> dict[str, Any]:
        moment = shown.moment
        return {
            "clip": analysis.clips[moment.clip].facts.sha256[:12],
            "start_s": moment.start_s,
            "end_s": moment.end_s,
            "times_s": shown.times_s,
        }

    def glimpsed(glimpse: Glimpse) -> dict[str, Any]:
        sha256 = analysis.clips[glimpse.clip].facts.sha256[:12]
        return {"clip": sha256, "times_s": glimpse.times_s}

    return {
        "prompt_version": prompt_version(),
        "predicted_usd": str(question.prediction.cost_usd),
        "moments": {name: known(shown) for name, shown in question.shown.items()},
        "glimpses": {glimpse.id: glimpsed(glimpse) for glimpse in question.glimpses},
    }


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What of an earlier question no longer holds; empty when its answer can be used."""

    def same(name: str, glimpse: Mapping[str, Any]) -> bool:
        other = now["glimpses"].get(name)
        if other is None or len(other["times_s"]) != len(glimpse["times_s"]):
            return False
        times_s = zip(other["times_s"], glimpse["times_s"], strict=True)
        near = all(abs(there - here) <= _SAME_FRAME_S for there, here in times_s)
        return near and other["clip"] == glimpse["clip"]

    if before["prompt_version"] != now["prompt_version"]:
        return f"prompt {before['prompt_version']}, now {now['prompt_version']}"
    moved = [name for name, glimpse in before["glimpses"].items() if not same(name, glimpse)]
    moved += [
        name
        for name, moment in before["moments"].items()
        if (other := now["moments"].get(name)) is None
        or other["clip"] != moment["clip"]
        or len(other["times_s"]) != len(moment["times_s"])
        or abs(other["start_s"] - moment["start_s"]) > _SAME_SPAN_S
        or abs(other["end_s"] - moment["end_s"]) > _SAME_SPAN_S
    ]
    return f"other moments: {', '.join(moved)}" if moved else ""


def _write(question: Question, asked: Mapping[str, Any], folder: Path) -> None:
    """The question as files, its sheets under the names that the text has for them."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = [question.body["system"]]
    sheets = 0
    for block in question.body["messages"][0]["content"]:
        if block["type"] == "text":
            parts.append(block["text"])
            continue
        sheets += 1
        name = f"sheet-{sheets}.jpg"
        (folder / name).write_bytes(base64.b64decode(block["source"]["data"]))
        parts.append(f"[{name}]")
    (folder / "question.txt").write_text("\n\n".join(parts) + "\n")
    (folder / "schema.json").write_text(json.dumps(answer_schema(), indent=2) + "\n")
    (folder / "asked.json").write_text(json.dumps(asked, indent=1) + "\n")
