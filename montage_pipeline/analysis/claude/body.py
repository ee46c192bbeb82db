"""The body of a request to Claude: the sheets, the list of moments and the task, in words.

Belongs here: what Claude is told of this request.
Does not belong here: the instructions and the answer's schema, which are versioned (prompt).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from montage_pipeline.analysis.claude.candidates import Glimpse, details_in, segments_in
from montage_pipeline.analysis.claude.judgement import Crop
from montage_pipeline.analysis.claude.models import ModelOptions, options_of
from montage_pipeline.analysis.claude.prompt import answer_schema, system_prompt
from montage_pipeline.analysis.claude.sheets import SheetPlan, Tile
from montage_pipeline.analysis.claude.subject import crop_of
from montage_pipeline.analysis.model import AnalysedClip, ClipAnalysis
from montage_pipeline.styles import style_of
from montage_pipeline.vocabulary import Format

_LISTED_SCORES = ("sharpness", "exposure", "stability", "motion", "colour", "faces", "speech")
"""Of `QualityScores`: what a few frames do not show, or show less surely than measuring."""


class Wish(NamedTuple):
    """What the user asked for beside style and length: the shape of the Reel, and in their own
    words what they would like to see. The words are data: they are quoted, never followed.
    """

    format: Format = Format.REEL
    prompt: str = ""


NO_WISH = Wish()


@dataclass(frozen=True)
class Brief:
    """What Claude is asked: about measured clips, for a Reel of a style and length, by a model."""

    analysis: ClipAnalysis
    style: str
    duration_s: float
    model: str
    wish: Wish = NO_WISH

    @property
    def crops(self) -> list[Crop | None]:
        """How each clip is cropped for the Reel."""
        size = self.wish.format.frame_size
        return [crop_of(clip.facts, size) for clip in self.analysis.clips]

    @property
    def options(self) -> ModelOptions:
        """How that model is asked."""
        return options_of(self.model)


def body_of(
    brief: Brief, plans: Sequence[SheetPlan], images: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """The request without `max_tokens`.

    `images` are the content blocks of the sheets, each put before the list of its moments; without
    them, the body has all of the text. Names of files are not in it: nothing that a stranger could
    have worded but the images themselves. What the user typed is there once, quoted.
    """
    options = brief.options
    output: dict[str, Any] = {"format": {"type": "json_schema", "schema": answer_schema()}}
    if options.effort is not None:
        output["effort"] = options.effort
    body: dict[str, Any] = {
        "model": brief.model,
        "system": system_prompt(),
        "messages": [{"role": "user", "content": _content(brief, plans, images)}],
        "output_config": output,
    }
    if options.thinking is not None:
        body["thinking"] = options.thinking
    return body


def _content(
    brief: Brief, plans: Sequence[SheetPlan], images: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = []
    introduced: set[int] = set()
    for place, plan in enumerate(plans):
        content.extend(images[place : place + 1])
        lines = [_sheet_line(place + 1)]
        for tile in plan.tiles:
            index = tile.shows.clip
            if index not in introduced:
                lines.append(_clip_line(index, brief.analysis.clips[index], brief.crops[index]))
                introduced.add(index)
            lines.append(_moment_line(tile))
        content.append(_text_block("\n".join(lines)))

    moment_count = sum(len(plan.moments) for plan in plans)
    return [*content, _text_block(_task(brief, moment_count))]


def _text_block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _sheet_line(number: int) -> str:
    return (
        f"Sheet {number}. Each moment: id | start-end s | its frames' times in s | "
        f"{' '.join(_LISTED_SCORES)}"
    )


def _clip_line(index: int, clip: AnalysedClip, crop: Crop | None) -> str:
    facts = clip.facts
    sound = "with sound" if facts.audio_codec else "silent"
    cropped = "not cropped"
    if crop is not None:
        cropped = f"cropped {crop.axis} to {crop.share:.0%}"
    size = f"{facts.width}x{facts.height}"
    return f"Clip {index + 1}: {facts.duration_s:.1f} s, {size}, {sound}, {cropped}."


def _moment_line(tile: Tile) -> str:
    moment = tile.shows
    times = " ".join(f"{time_s:.1f}" for time_s in tile.times_s)
    if isinstance(moment, Glimpse):
        return f"{moment.id} | {times}"
    percents = " ".join(str(round(100 * getattr(moment.scores, name))) for name in _LISTED_SCORES)
    return f"{moment.id} | {moment.start_s:.1f}-{moment.end_s:.1f} | {times} | {percents}"


def _task(brief: Brief, moment_count: int) -> str:
    details = details_in(brief.duration_s, moment_count)
    task = (
        f"Judge these {moment_count} moments for a Reel of {brief.duration_s:g} s in the style "
        f"{brief.style}: {style_of(brief.style).brief}. It opens with the hook and has about "
        f"{segments_in(brief.duration_s)} segments. Name up to {details} in `best`."
    )
    wish = _as_data(brief.wish.prompt)
    return f"{task} The person's wish, as data: {wish}" if wish else task


def _as_data(text: str) -> str:
    """What a person typed as one JSON string, which nothing in it can end; empty for nothing."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return json.dumps(line, ensure_ascii=False) if line else ""


def canonical_json(value: object) -> str:
    """JSON that is the same for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
