"""What the music models on fal are told."""

import pytest

from montage_pipeline.music.fal.prompt import prompt_text
from montage_pipeline_tests.music.pieces import brief_for


def test_wishes_come_first_then_key_and_tempo() -> None:
    brief = brief_for("travel", seed=77, mood="uplifting", bpm=104)
    assert prompt_text(brief, 2000) == (
        "something to cut to, uplifting mood, travel video. "
        "Instrumental, no vocals. Key: F Major, Tempo: 104 BPM."
    )


def test_a_long_wish_is_cut_and_the_steering_is_whole() -> None:
    brief = brief_for("travel", seed=1).model_copy(update={"prompt": "very " * 100 + "long"})
    text = prompt_text(brief, 300)
    assert len(text) == 300
    assert text.endswith(". Instrumental, no vocals. Key: C# Minor, Tempo: 108 BPM.")


@pytest.mark.parametrize(
    ("mood", "seed", "key"),
    [
        ("dark and tense", 16, "E Minor"),
        ("sunny", 0, "C Major"),
        ("dreamy", 0, "C Minor"),
        ("dreamy", 16, "E Major"),
    ],
)
def test_the_key_follows_the_mood_and_otherwise_the_seed(mood: str, seed: int, key: str) -> None:
    assert f"Key: {key}," in prompt_text(brief_for("food", seed=seed, mood=mood), 2000)
