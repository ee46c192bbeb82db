"""The composition root makes each thing once, when it is needed, from one Settings object."""

import subprocess
import sys

import pytest

from montage_pipeline.composition import Services
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.settings import Settings

HEAVY = {
    "cv2",
    "av",
    "moviepy",
    "pandas",
    "pyarrow",
    "scipy",
    "boto3",
    "anthropic",
    "fal_client",
    "rapidocr",
    "onnxruntime",
}
"""What takes long to import and is needed by few steps only."""


def test_everything_is_made_once_and_shares_its_connections(settings: Settings) -> None:
    services = Services(settings)
    assert services.library is services.library
    assert services.fetcher is services.fetcher
    assert services.scratch.is_dir()
    assert services.requests.under_way() == []
    services.close()


def test_nothing_is_made_before_it_is_needed() -> None:
    services = Services(Settings())
    services.close()
    with pytest.raises(PermanentError) as no_database:
        _ = services.library
    assert no_database.value.code is ErrorCode.NO_DATABASE
    with pytest.raises(PermanentError) as no_store:
        _ = services.fetcher
    assert no_store.value.code is ErrorCode.STORE_NOT_CONFIGURED


def test_who_analyses_and_composes_is_what_the_settings_say(settings: Settings) -> None:
    services = Services(settings.model_copy(update={"composer": "local"}))
    assert type(services.composer()).__name__ == "LocalComposer"
    services = Services(settings.model_copy(update={"composer": "fal", "render_engine": "ffmpeg"}))
    assert services.render_engine().name == "ffmpeg"


@pytest.mark.parametrize("module", ["composition", "api.app", "cli.app"])
def test_the_heavy_libraries_wait_until_they_are_needed(module: str) -> None:
    code = f"import sys, montage_pipeline.{module}; print({HEAVY!r} & set(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert loaded == "set()"
