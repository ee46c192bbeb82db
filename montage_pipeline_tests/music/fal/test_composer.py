"""A purchase that goes well is paid once, shows in the ledger and yields music with its beats.

The real fal client and the real ledger; only the other end of the wire is a fake.
"""

from decimal import Decimal
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.music.fal.queue import connect
from montage_pipeline.vocabulary import CostState
from montage_pipeline_tests.fakes.fal_server import JobPlan
from montage_pipeline_tests.music.fal.desk import Desk


def test_buys_once_and_settles_what_fal_billed(desk: Desk) -> None:
    music = desk.buy()
    assert music.composer == "fal"
    assert music.path.read_bytes()[:4] == b"RIFF"
    assert music.content_type == "audio/wav"
    assert music.duration_s >= 14
    assert music.grid.source == "tracked"
    assert music.grid.bpm == pytest.approx(104, abs=0.5)
    [job] = desk.server.jobs
    assert job.arguments["duration"] == 15
    assert "Tempo: 104 BPM" in job.arguments["prompt"]
    assert music.provider_request_id == job.id
    [entry] = desk.entries()
    assert (entry.state, entry.provider_request_id) == (CostState.SETTLED, job.id)
    assert entry.cost_usd == desk.server.charged_usd == Decimal("0.005")
    assert entry.usage["billable_units"] == "0.25"


def test_without_the_billing_header_the_price_is_an_estimate_from_the_list(desk: Desk) -> None:
    desk.server.plan(JobPlan(billed_units=None))
    desk.buy()
    [entry] = desk.entries()
    assert entry.state is CostState.ESTIMATED
    assert entry.cost_usd == Decimal("0.005")
    desk.buy()
    assert len(desk.server.jobs) == 1


def test_other_models_get_their_own_arguments_and_answer_in_another_field(desk: Desk) -> None:
    desk.buy(fal_music_model="fal-ai/stable-audio-25/text-to-audio")
    [job] = desk.server.jobs
    assert job.arguments.keys() == {"prompt", "seconds_total", "seed"}
    assert desk.entries()[0].cost_usd == Decimal("0.20")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"fal_key": SecretStr("")}, ErrorCode.FAL_KEY_MISSING),
        ({"fal_music_model": "acme/hit-machine"}, ErrorCode.MUSIC_MODEL_UNSUPPORTED),
    ],
)
def test_bad_configuration_is_reported_before_anything_is_sent(
    desk: Desk, changes: dict[str, Any], code: ErrorCode
) -> None:
    desk.fails(code, PermanentError, **changes)
    assert desk.server.calls["submit"] == 0
    assert desk.entries() == []


def test_the_key_never_goes_to_another_host() -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={})

    client, _ = connect("a-key", "https://gateway.example/fal", httpx.MockTransport(answer))
    client.get_handle("cassetteai/music-generator", "1").client.get(
        "https://queue.fal.run/cassetteai/music-generator/requests/1"
    )
    assert str(sent[0].url) == "https://gateway.example/fal/cassetteai/music-generator/requests/1"
    assert sent[0].headers["host"] == "gateway.example"
    with pytest.raises(PermanentError, match=r"evil\.example"):
        client.get_handle("cassetteai/music-generator", "1").client.get("https://evil.example/")
    assert len(sent) == 1
