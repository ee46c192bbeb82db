"""The music models on fal that can be asked for an instrumental: what each wants and can do."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from montage_pipeline.errors import ErrorCode, PermanentError


@dataclass(frozen=True)
class MusicModel:
    """One endpoint of fal.

    `max_s` is the longest music it makes. `obeys_length` is False for a model that cannot be asked
    for a length. `arguments` makes the body of a submission from prompt, whole seconds and seed.
    `prompt_limit` is the longest prompt it takes, in characters.
    """

    max_s: float
    obeys_length: bool
    arguments: Callable[[str, int, int], dict[str, Any]]
    prompt_limit: int = 2000


_CASSETTE_MIN_S = 10
"""The shortest duration that CassetteAI's schema accepts."""

_STABLE_AUDIO_SEEDS = 2**31
"""Stable Audio takes 32-bit seeds; ours have 63 bits."""

# Lengths, prompt limits and argument names are those on the models' pages at fal.ai.
_MODELS: dict[str, MusicModel] = {
    "cassetteai/music-generator": MusicModel(
        max_s=180,
        obeys_length=True,
        arguments=lambda prompt, seconds, seed: {
            "prompt": prompt,
            "duration": max(_CASSETTE_MIN_S, seconds),
        },
    ),
    "fal-ai/stable-audio-25/text-to-audio": MusicModel(
        max_s=190,
        obeys_length=True,
        arguments=lambda prompt, seconds, seed: {
            "prompt": prompt,
            "seconds_total": seconds,
            "seed": seed % _STABLE_AUDIO_SEEDS,
        },
    ),
    "fal-ai/lyria3": MusicModel(
        max_s=30,
        obeys_length=False,
        arguments=lambda prompt, seconds, seed: {"prompt": prompt},
    ),
    "fal-ai/minimax-music/v2.6": MusicModel(
        max_s=120,
        obeys_length=False,
        arguments=lambda prompt, seconds, seed: {"prompt": prompt, "is_instrumental": True},
        prompt_limit=300,
    ),
}


def music_model(endpoint: str) -> MusicModel:
    """What is known of an endpoint. PermanentError `music_model_unsupported` for any other."""
    model = _MODELS.get(endpoint.strip("/").lower())
    if model is None:
        known = ", ".join(sorted(_MODELS))
        raise PermanentError(
            ErrorCode.MUSIC_MODEL_UNSUPPORTED,
            f"FAL_MUSIC_MODEL {endpoint!r} is not supported. Supported: {known}.",
            model=endpoint,
        )
    return model
