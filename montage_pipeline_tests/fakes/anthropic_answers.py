"""What the fake Anthropic API answers.

A judgement of the moments on the contact sheets of a request, from their real pixels, and the
message that carries it.
"""

import json
import re
from typing import Any, NamedTuple

from montage_pipeline_tests.fakes.anthropic_checks import Region, SentImage

_SHEET = re.compile(r"^Sheet (\d+)\.")
_MOMENT = re.compile(r"^(\S+) \| ([\d.]+)-([\d.]+) \| ([\d. ]+) \|")
_GLIMPSE = re.compile(r"^(clip\d+) \| ([\d. ]+)$")
_BPM = {"dynamic": 128, "cinematic": 84, "travel": 108, "fitness": 140, "food": 98, "minimal": 90}
_STYLE = re.compile(rf"in the style ({'|'.join(_BPM)})\b")
# As byte pair encoders split: a short word, up to three digits, up to three marks, each with the
# space before it, or a run of white space.
_SYMBOL = re.compile(r"\s?[A-Za-z]+|\s?\d{1,3}|\s?[^\sA-Za-z\d]{1,3}|\s+")
_LONG_WORD = 11
_OLDER = re.compile(r"claude-\w+-4-[56]\b")
_NEWER_PERCENT = 130
_BLACK = 0.04  # mean light below which nothing is seen

_REQUEST_OVERHEAD_TOKENS = 77

_BEST_COUNT = re.compile(r"Name up to (\d+) in `best`")


class Listed(NamedTuple):
    """A moment of a list: its id, its span, and the times of its frames (seconds)."""

    name: str
    start_s: float
    end_s: float
    times_s: list[float]

    @property
    def is_glimpse(self) -> bool:
        """Whether these are single frames of a clip's other moments."""
        return self.end_s < 0


class _Seen(NamedTuple):
    """A moment with what its frames look like: their light (0..1), and a score in percent, for all
    and for each.
    """

    moment: Listed
    light: float
    score: int
    each: list[int]


def tokens(text: str, model: str = "") -> int:
    """About as many tokens as Claude's tokenizer makes of a text.

    The newer one of the models from 4.7 on makes more.
    """
    symbols = _SYMBOL.findall(text)
    long_words = [symbol for symbol in map(str.strip, symbols) if _is_long_word(symbol)]
    count = len(symbols) + len(long_words)
    return count if _OLDER.match(model) else -(-count * _NEWER_PERCENT // 100)


def _is_long_word(symbol: str) -> bool:
    return len(symbol) > _LONG_WORD and symbol.isalpha()


def text_of(body: dict[str, Any]) -> str:
    """All text of a request: instructions, schema, messages."""
    system = body.get("system", "")
    parts = [
        system if isinstance(system, str) else "".join(block["text"] for block in system),
        json.dumps(body["output_config"]),
    ]
    for message in body["messages"]:
        content = message["content"]
        parts += (
            [content]
            if isinstance(content, str)
            else [block["text"] for block in content if block["type"] == "text"]
        )
    return "\n".join(parts)


def message_for(
    body: dict[str, Any], images: tuple[SentImage, ...], judgement: dict[str, Any], kind: str
) -> dict[str, Any]:
    """The message that carries a judgement, without its id; `kind` is the fault's."""
    text, stop_reason, stop_details = json.dumps(judgement), "end_turn", None
    if kind == "invalid_json":
        text = "Here is what I think of these clips: " + text[:80]
    output_tokens = tokens(text, body["model"])
    if kind == "max_tokens" or output_tokens > body["max_tokens"]:
        output_tokens = min(output_tokens, body["max_tokens"])
        text, stop_reason = text[: 3 * output_tokens // 2], "max_tokens"

    content = [{"type": "text", "text": text}]
    if body.get("thinking", {}).get("type") == "adaptive":
        content.insert(0, {"type": "thinking", "thinking": "", "signature": "fake"})
    if kind == "refusal":
        content, stop_reason, output_tokens = [], "refusal", 1
        stop_details = {
            "type": "refusal",
            "category": "general_harms",
            "explanation": "The footage cannot be judged.",
        }
    return {
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "stop_details": stop_details,
        "usage": _usage(body, images, output_tokens),
    }


def _usage(
    body: dict[str, Any], images: tuple[SentImage, ...], output_tokens: int
) -> dict[str, Any]:
    text_tokens = tokens(text_of(body), body["model"])
    image_tokens = sum(image.tokens for image in images)
    return {
        "input_tokens": image_tokens + text_tokens + _REQUEST_OVERHEAD_TOKENS,
        "output_tokens": output_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens_details": {"thinking_tokens": 0},
        "service_tier": "standard",
        "inference_geo": "global",
    }


def judge(text: str, images: tuple[SentImage, ...]) -> dict[str, Any]:
    """A judgement of the moments listed in the text, each from its frames on its sheet."""
    seen: list[_Seen] = []
    for number, listed in _sheets(text).items():
        image = images[number - 1] if number <= len(images) else None
        seen += _looked_at(listed, image)
    glimpsed = [one for one in seen if one.moment.is_glimpse]
    seen = [one for one in seen if not one.moment.is_glimpse]
    usable = [one for one in seen if one.light >= _BLACK]
    best = sorted(usable, key=lambda one: -one.score)
    count = int(found.group(1)) if (found := _BEST_COUNT.search(text)) else len(best)

    style = found.group(1) if (found := _STYLE.search(text)) else "dynamic"
    return {
        "scores": [
            {"id": one.moment.name, "hook": one.score, "interest": min(100, one.score + 5)}
            for one in usable
        ],
        "glimpses": [{"id": one.moment.name, "interest": one.each} for one in glimpsed],
        "rejected": [
            {"id": one.moment.name, "code": "black", "reason": "nothing can be seen"}
            for one in seen
            if one.light < _BLACK
        ],
        "best": [_detail(one) for one in best[:count]],
        "hook_moment": best[0].moment.name if best else "",
        "mood": f"{style} and bright",
        "music_prompt": f"Instrumental {style} track with live drums, a round bass, clean guitar "
        "and a clear pulse that builds.",
        "suggested_bpm": _BPM.get(style, 110),
    }


def _looked_at(listed: list[Listed], image: SentImage | None) -> list[_Seen]:
    if image is None:
        return [_seen(moment, []) for moment in listed]

    frames = list(image.frames)
    if len(frames) != sum(len(moment.times_s) for moment in listed):
        # A sheet whose frames cannot be told apart (white footage on a white page) is judged as
        # one frame.
        return [_seen(moment, [image.whole]) for moment in listed]
    return [_seen(moment, [frames.pop(0) for _ in moment.times_s]) for moment in listed]


def _sheets(text: str) -> dict[int, list[Listed]]:
    """The moments listed for each sheet, by its number."""
    sheets: dict[int, list[Listed]] = {}
    number = 0
    for line in text.splitlines():
        if found := _SHEET.match(line):
            number = int(found.group(1))
        elif number and (found := _MOMENT.match(line)):
            name, start_s, end_s, times_s = found.groups()
            times = [float(time_s) for time_s in times_s.split()]
            sheets.setdefault(number, []).append(Listed(name, float(start_s), float(end_s), times))
        elif number and (found := _GLIMPSE.match(line)):
            times = [float(time_s) for time_s in found.group(2).split()]
            sheets.setdefault(number, []).append(Listed(found.group(1), -1.0, -1.0, times))
    return sheets


def _seen(moment: Listed, frames: list[Region]) -> _Seen:
    light = max((frame.brightness for frame in frames), default=0.0)
    each = [_score(frame) if frame.brightness >= _BLACK else 0 for frame in frames]
    each = (each * len(moment.times_s))[: len(moment.times_s)] or [0] * len(moment.times_s)
    mean = sum(_score(frame) for frame in frames) / max(1, len(frames))
    return _Seen(moment, light, round(mean), each)


def _score(frame: Region) -> int:
    return round(min(100.0, 25 + 130 * (frame.contrast + frame.colour)))


def _detail(one: _Seen) -> dict[str, Any]:
    """All of it is good; its subject is right of the middle, and gone in the last frame."""
    times_s = one.moment.times_s
    gone = [None] if len(times_s) > 1 else []
    return {
        "id": one.moment.name,
        "reason": f"picture of brightness {one.light:.2f}, colourful and clear, worth a look",
        "role": "action" if one.score > 50 else "scene",
        "mood": "energetic" if one.score > 50 else "calm",
        "peak_s": times_s[len(times_s) // 2],
        "use_from_s": one.moment.start_s,
        "use_to_s": one.moment.end_s,
        "look": [60] * (len(times_s) - len(gone)) + gone,
    }
