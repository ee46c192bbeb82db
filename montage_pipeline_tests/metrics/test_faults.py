"""Whose fault a failure is, for every code there is."""

import pytest

from montage_pipeline.errors import ErrorCode
from montage_pipeline.metrics.faults import Fault, fault_of
from montage_pipeline.orchestration.watching.outcome import failed


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (ErrorCode.CLIP_NOT_FOUND, Fault.USER),
        (ErrorCode.CLIP_FETCH_FAILED, Fault.USER),
        (ErrorCode.NOT_ENOUGH_FOOTAGE, Fault.USER),
        (ErrorCode.MUSIC_SILENT, Fault.USER),
        (ErrorCode.CLIP_CACHE_FULL, Fault.OURS),
        (ErrorCode.BAD_RENDER, Fault.OURS),
        (ErrorCode.STORE_UNAVAILABLE, Fault.OURS),
        (ErrorCode.FAL_REFUSED_KEY, Fault.OURS),
        (ErrorCode.ANALYSIS_UNAVAILABLE, Fault.PROVIDER),
        (ErrorCode.MUSIC_TIMEOUT, Fault.PROVIDER),
        (ErrorCode.CANCELED, Fault.STOPPED),
    ],
)
def test_an_operator_is_told_whose_fault_it_is(code: ErrorCode, fault: Fault) -> None:
    assert fault_of(code) is fault
    assert failed(code) == f"{fault.value}: {code.value}"


def test_codes_of_configuration_and_of_other_releases_are_ours() -> None:
    not_asked = ("POSTGRES_", "STORE_NOT", "JWT_", "SERVER_", "FFMPEG_", "BUDGET_", "PAID_")
    ours = [code for code in ErrorCode if code.name.startswith(not_asked)]
    assert {fault_of(code) for code in (*ours, "of-a-later-release")} == {Fault.OURS}


def test_a_code_that_tells_to_wait_for_a_provider_is_no_users() -> None:
    for code in ErrorCode:
        if "fal" in code.remedy or "Anthropic" in code.remedy or "MONTAGE_HOME" in code.remedy:
            assert fault_of(code) is not Fault.USER, code
