"""The words of a mood are read the same way by every composer."""

import pytest

from montage_pipeline.music.moods import brightness_of, is_calm


@pytest.mark.parametrize(
    ("mood", "brightness"),
    [
        ("", 0),
        ("dreamy", 0),
        ("Dark, tense drama", -3),
        ("happy and sunny", 2),
        ("warm but sad", 0),
    ],
)
def test_bright_words_count_against_dark_ones(mood: str, brightness: int) -> None:
    assert brightness_of(mood) == brightness


@pytest.mark.parametrize(("mood", "calm"), [("Softly glowing", True), ("explosive", False)])
def test_calm_moods_are_told_from_lively_ones(mood: str, calm: bool) -> None:
    assert is_calm(mood) is calm
