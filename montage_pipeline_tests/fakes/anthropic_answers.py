"""What the fake Anthropic API answers: a judgement of the moments a request asks about."""

import json
import re
from typing import Any

from montage_pipeline_tests.fakes.anthropic_checks import Picture

_MOMENT = re.compile(r"^Moment (\S+):")
_BPM = {"dynamic": 128, "cinematic": 84, "travel": 108, "fitness": 140, "food": 98, "minimal": 90}
_STYLE = re.compile(rf"in the style ({'|'.join(_BPM)})\b")


def tokens(text: str) -> int:
    """About as many tokens as the newer tokenizer makes of it."""
    return -(-len(text) * 10 // 33)


def text_of(body: dict[str, Any]) -> str:
    """All text of a request: instructions, schema, messages."""
    system = body.get("system", "")
    parts = [system if isinstance(system, str) else "".join(block["text"] for block in system), json.dumps(body["output_config"])]
    for message in body["messages"]:
        content = message["content"]
        parts += [content] if isinstance(content, str) else [block["text"] for block in content if block["type"] == "text"]
    return "\n".join(parts)


def judge(text: str, pictures: tuple[Picture, ...]) -> dict[str, Any]:
    """A judgement of the moments named in the text; each owns the pictures that follow it."""
    names = [found.group(1) for line in text.splitlines() if (found := _MOMENT.match(line))]
    owned = {name: [picture for picture in pictures if picture.caption.startswith(f"Moment {name}:")] for name in names}
    moments: list[dict[str, Any]] = []
    for name, shown in owned.items():
        light = max((picture.brightness for picture in shown), default=0.0)
        liveliness = sum(picture.contrast + picture.colour for picture in shown) / max(1, len(shown))
        score = round(min(100.0, 25 + 130 * liveliness))
        moments.append(
            {
                "id": name,
                "hook_score": score,
                "interest": min(100, score + 5),
                "description": f"picture of brightness {light:.2f}",
                "subject": {"x": 25, "y": 10, "width": 50, "height": 80} if shown else None,
                "reject": {"code": "black", "reason": "nothing can be seen"} if light < 0.04 else None,
            }
        )
    usable = sorted((moment for moment in moments if moment["reject"] is None), key=lambda moment: -moment["hook_score"])
    style = found.group(1) if (found := _STYLE.search(text)) else "dynamic"
    return {
        "moments": moments,
        "hook_moment": usable[0]["id"] if usable else "",
        "best_moments": [moment["id"] for moment in usable],
        "mood": f"{style} and bright",
        "music_prompt": f"Instrumental {style} track with drums, bass and a clear pulse.",
        "suggested_bpm": _BPM.get(style, 110),
    }
