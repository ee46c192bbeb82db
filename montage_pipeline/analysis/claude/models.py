"""What differs between the Claude models in how they are asked: data, one row per model.

An option that a model does not take is answered with HTTP 400, so a model gets only what its
documentation lists (platform.claude.com/docs, pages of each model and "structured outputs", read
2026-11-22).
"""

import re
from dataclasses import dataclass
from typing import Any

NEWER_TEXT_FACTOR = 1.3
"""The tokenizer of the models from 4.7 on makes about 30 % more tokens of a text than before."""

_SNAPSHOT_SUFFIX = re.compile(r"[-@]\d{8}$")


@dataclass(frozen=True)
class ModelOptions:
    """How one model is asked for a short judgement.

    `thinking` and `effort` are sent when not None. `thinking_tokens` is what thinking that cannot
    be turned off is expected to use (billed as output). `max_images` is the API's limit of images
    in one request. `text_factor` is how many tokens its tokenizer makes of what was one token in
    the models before 4.7.
    """

    thinking: dict[str, Any] | None = None
    effort: str | None = None
    thinking_tokens: int = 0
    max_images: int = 600
    text_factor: float = NEWER_TEXT_FACTOR


_ALWAYS_THINKS = ModelOptions(effort="low", thinking_tokens=1_500)
_THINKS_WHEN_ASKED = ModelOptions(effort="low")
_OLDER_TEXT = ModelOptions(effort="low", text_factor=1.0)
_BEFORE_EFFORT = ModelOptions(max_images=100, text_factor=1.0)  # their context is 200k tokens
_UNLISTED = ModelOptions(max_images=100)

OPTIONS = {
    # Sonnet 5.5 refuses "disabled"; "between_tools" is its way to have no thinking before the
    # answer.
    "claude-sonnet-5-5": ModelOptions(thinking={"type": "between_tools"}, effort="low"),
    "claude-haiku-5-5": ModelOptions(thinking={"type": "disabled"}, effort="low"),
    "claude-opus-5-5": _ALWAYS_THINKS,
    "claude-fable-5-2": _ALWAYS_THINKS,
    "claude-mythos-5-2": _ALWAYS_THINKS,
    "claude-fable-5-1": _ALWAYS_THINKS,
    "claude-fable-5": _ALWAYS_THINKS,
    "claude-sonnet-5": _ALWAYS_THINKS,
    "claude-opus-5": _ALWAYS_THINKS,
    "claude-opus-4-8": _THINKS_WHEN_ASKED,
    "claude-opus-4-7": _THINKS_WHEN_ASKED,
    "claude-opus-4-6": _OLDER_TEXT,
    "claude-sonnet-4-6": _OLDER_TEXT,
    "claude-opus-4-5": _BEFORE_EFFORT,
    "claude-sonnet-4-5": _BEFORE_EFFORT,
    "claude-haiku-4-5": _BEFORE_EFFORT,
}


def options_of(model: str) -> ModelOptions:
    """The options of a model or of its dated snapshot; an unlisted model is asked with none."""
    return OPTIONS.get(_SNAPSHOT_SUFFIX.sub("", model), _UNLISTED)
