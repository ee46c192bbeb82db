"""What makes two orders the same purchase, and how much music an order asks for."""

from typing import Any

import pytest

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.music.fal.models import music_model
from montage_pipeline.music.fal.order import order_for, purchase_fingerprint, requested_seconds
from montage_pipeline_tests.music.pieces import brief_for

CASSETTE = "cassetteai/music-generator"
BRIEF = brief_for("travel", seed=77, duration_s=11.5, mood="uplifting", bpm=104)
FINGERPRINT = order_for(BRIEF, CASSETTE).paid_call.fingerprint


def test_a_released_fingerprint_never_changes_by_itself() -> None:
    """Another value buys the music of every request under way a second time."""
    assert FINGERPRINT == "c0f5ccb4e43366ef193bec58b3075da76b0a273f443d107260acca3188ad637d"


@pytest.mark.parametrize(
    "change", [{"mood": "dark"}, {"prompt": "other words"}, {"style": "food"}, {"run_id": "run-2"}]
)
def test_words_do_not_make_another_purchase(change: dict[str, Any]) -> None:
    reworded = order_for(BRIEF.model_copy(update=change), CASSETTE)
    assert reworded.paid_call.fingerprint == FINGERPRINT


@pytest.mark.parametrize(
    "change",
    [
        {"request_id": "0d9f6f3f-3a55-4c4e-9a94-6f1f9e0a3c11"},
        {"bpm": 105},
        {"seed": 78},
        {"duration_s": 12.6},
    ],
)
def test_what_the_music_must_fit_makes_another_purchase(change: dict[str, Any]) -> None:
    other = order_for(BRIEF.model_copy(update=change), CASSETTE)
    assert other.paid_call.fingerprint != FINGERPRINT


def test_another_model_makes_another_purchase() -> None:
    assert purchase_fingerprint(BRIEF, "fal-ai/lyria3", 15) != FINGERPRINT
    assert purchase_fingerprint(BRIEF, CASSETTE, 15) == FINGERPRINT


def test_an_order_without_a_request_is_refused() -> None:
    with pytest.raises(PermanentError) as caught:
        _ = order_for(BRIEF.model_copy(update={"request_id": "demo"}), CASSETTE).paid_call
    assert caught.value.code is ErrorCode.BAD_REQUEST_ID


@pytest.mark.parametrize(
    ("duration_s", "seconds"),
    [(11.5, 15), (11.6, 16), (26.4, 30), (27.5, 30)],
)
def test_a_second_more_than_needed_is_asked_for_where_the_model_makes_it(
    duration_s: float, seconds: int
) -> None:
    model = music_model("fal-ai/lyria3")
    assert requested_seconds(duration_s, model) == seconds


def test_more_than_the_model_makes_is_refused() -> None:
    with pytest.raises(PermanentError) as caught:
        requested_seconds(27.6, music_model("fal-ai/lyria3"))
    assert caught.value.code is ErrorCode.MUSIC_TOO_LONG_FOR_MODEL
