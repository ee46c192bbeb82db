"""The music models on fal that can be asked for an instrumental: what each wants, what it can do."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.music.composer import MusicBrief
from montage_pipeline.music.synth.arrangement import mood_leaning
from montage_pipeline.music.synth.harmony import NOTE_NAMES


@dataclass(frozen=True)
class MusicModel:
    """One endpoint.

    `longest_s` is the longest music it makes; `obeys_length` is False when nobody can ask for a
    length.
    """

    longest_s: float
    obeys_length: bool
    arguments: Callable[[str, int, int], dict[str, Any]]
    prompt_limit: int = 2000


# Arguments: prompt, whole seconds, seed.
_MODELS: dict[str, MusicModel] = {
    "cassetteai/music-generator": MusicModel(
        180, True, lambda prompt, seconds, seed: {"prompt": prompt, "duration": max(10, seconds)}
    ),
    "fal-ai/stable-audio-25/text-to-audio": MusicModel(
        190,
        True,
        lambda prompt, seconds, seed: {
            "prompt": prompt,
            "seconds_total": seconds,
            "seed": seed % 2**31,
        },
    ),
    "fal-ai/lyria3": MusicModel(30, False, lambda prompt, seconds, seed: {"prompt": prompt}),
    "fal-ai/minimax-music/v2.6": MusicModel(
        120,
        False,
        lambda prompt, seconds, seed: {"prompt": prompt, "is_instrumental": True},
        prompt_limit=300,
    ),
}


def music_model(name: str) -> MusicModel:
    """What is known of an endpoint. PermanentError `music_model_unsupported` for any other."""
    model = _MODELS.get(name.strip("/").lower())
    if model is None:
        known = ", ".join(sorted(_MODELS))
        raise PermanentError(
            ErrorCode.MUSIC_MODEL_UNSUPPORTED,
            f"FAL_MUSIC_MODEL {name!r} is not supported. Supported: {known}.",
            model=name,
        )
    return model


def asked_seconds(brief: MusicBrief, model: MusicModel) -> int:
    """Whole seconds to ask for: the needed length and one spare, for models that end a little
    early.
    """
    seconds = int(np.ceil(brief.needed_s)) + 1
    if seconds > model.longest_s and brief.needed_s <= model.longest_s:
        return int(model.longest_s)
    if seconds > model.longest_s:
        raise PermanentError(
            ErrorCode.MUSIC_TOO_LONG_FOR_MODEL,
            f"A Reel of {brief.duration_s:g} s needs {brief.needed_s:g} s of music; the model makes {model.longest_s:g} s at most.",
        )
    return seconds


def prompt_text(brief: MusicBrief, limit: int) -> str:
    """The brief in the words such models steer by: text first, then key and tempo."""
    bright, _ = mood_leaning(brief.mood)
    minor = bright < 0 or (bright == 0 and (brief.seed >> 4) % 2 == 0)
    steering = f"Instrumental, no vocals. Key: {NOTE_NAMES[brief.seed % 12]} {'Minor' if minor else 'Major'}, Tempo: {brief.bpm} BPM."
    wish = ", ".join(
        part.strip(" .,")
        for part in (
            brief.prompt,
            f"{brief.mood} mood" if brief.mood else "",
            f"{brief.style} video",
        )
        if part
    )
    return f"{wish[: limit - len(steering) - 2]}. {steering}"
