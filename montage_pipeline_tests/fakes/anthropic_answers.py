"""What the fake Anthropic API answers: a judgement of the moments on the contact sheets of a
request, from their real pixels.
"""

import json
import re
from typing import Any

from montage_pipeline_tests.fakes.anthropic_checks import Cell, Picture

_SHEET = re.compile(r"^Sheet (\d+)\.")
_MOMENT = re.compile(r"^(\S+) \| ([\d.]+)-([\d.]+) \| ([\d. ]+) \|")
_BPM = {"dynamic": 128, "cinematic": 84, "travel": 108, "fitness": 140, "food": 98, "minimal": 90}
_STYLE = re.compile(rf"in the style ({'|'.join(_BPM)})\b")
# As byte pair encoders split: a short word, up to three digits, up to three marks, each with the
# space before it, or a run of white space.
_PIECE = re.compile(r"\s?[A-Za-z]+|\s?\d{1,3}|\s?[^\sA-Za-z\d]{1,3}|\s+")
_LONG_WORD = 11
_OLDER = re.compile(r"claude-\w+-4-[56]\b")
_NEWER_PERCENT = 130


def tokens(text: str, model: str = "") -> int:
    """About as many tokens as Claude's tokenizer makes of it; the newer one of the models from 4.7
    on makes more.
    """
    pieces = sum(
        1 + (len(piece.strip()) > _LONG_WORD and piece.strip().isalpha())
        for piece in _PIECE.findall(text)
    )
    return pieces if _OLDER.match(model) else -(-pieces * _NEWER_PERCENT // 100)


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


def judge(text: str, pictures: tuple[Picture, ...]) -> dict[str, Any]:
    """A judgement of the moments listed in the text, each from its frames on the sheet that its
    list belongs to.
    """
    moments: list[dict[str, Any]] = []
    for number, listed in _sheets(text).items():
        picture = pictures[number - 1] if number <= len(pictures) else None
        cells = list(picture.cells) if picture else []
        frames = sum(len(times_s) for _, times_s in listed)
        readable = len(cells) == frames
        for name, times_s in listed:
            # A sheet whose frames cannot be told apart (white footage on a white page) is judged as
            # one picture.
            shown = (
                [cells.pop(0) for _ in times_s]
                if readable
                else [picture.whole] * len(times_s)
                if picture
                else []
            )
            moments.append(_verdict(name, times_s, shown))
    usable = sorted(
        (moment for moment in moments if moment["reject"] is None),
        key=lambda moment: -moment["hook_score"],
    )
    style = found.group(1) if (found := _STYLE.search(text)) else "dynamic"
    return {
        "moments": moments,
        "hook_moment": usable[0]["id"] if usable else "",
        "best_moments": [moment["id"] for moment in usable],
        "mood": f"{style} and bright",
        "music_prompt": f"Instrumental {style} track with live drums, a round bass, clean guitar and a clear pulse that builds.",
        "suggested_bpm": _BPM.get(style, 110),
    }


def _sheets(text: str) -> dict[int, list[tuple[str, list[float]]]]:
    sheets: dict[int, list[tuple[str, list[float]]]] = {}
    number = 0
    for line in text.splitlines():
        if found := _SHEET.match(line):
            number = int(found.group(1))
        elif number and (found := _MOMENT.match(line)):
            sheets.setdefault(number, []).append(
                (found.group(1), [float(time_s) for time_s in found.group(4).split()])
            )
    return sheets


def _verdict(name: str, times_s: list[float], shown: list[Cell]) -> dict[str, Any]:
    light = max((cell.brightness for cell in shown), default=0.0)
    liveliness = sum(cell.contrast + cell.colour for cell in shown) / max(1, len(shown))
    score = round(min(100.0, 25 + 130 * liveliness))
    return {
        "id": name,
        "hook_score": score,
        "interest": min(100, score + 5),
        "reason": f"picture of brightness {light:.2f}, colourful and clear, worth a closer look",
        "role": "action" if score > 50 else "scene",
        "mood": "energetic" if score > 50 else "calm",
        "peak_s": times_s[len(times_s) // 2],
        "subject": [{"frame": 1 + len(times_s) // 2, "x": 25, "y": 10, "width": 50, "height": 80}]
        if shown
        else [],
        "reject": {"code": "black", "reason": "nothing can be seen"} if light < 0.04 else None,
    }
