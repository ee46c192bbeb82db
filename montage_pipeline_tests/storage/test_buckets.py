"""Nothing starts on settings that would publish users' files: not the API, the code server, nor
`montage up`.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from montage_pipeline.api.app import create_app
from montage_pipeline.definitions import build_definitions
from montage_pipeline.errors import PermanentError
from montage_pipeline.local.embedded.stores import Stores
from montage_pipeline.settings import Settings


def _settings(home: Path, base_url: str, public_bucket: str) -> Settings:
    return Settings(
        home=home,
        database_url="postgresql://montage@127.0.0.1:1/montage",
        r2_endpoint_url="http://127.0.0.1:1",
        r2_access_key_id="k",
        r2_secret_access_key=SecretStr("s"),
        r2_bucket="private",
        r2_public_bucket=public_bucket,
        r2_public_base_url=base_url,
        jwt_secret=SecretStr("x" * 64),
    )


@pytest.mark.parametrize("start", [create_app, build_definitions, Stores])
@pytest.mark.parametrize(
    ("base_url", "public_bucket", "told"),
    [
        ("https://media.example.org", "", "R2_PUBLIC_BUCKET"),
        ("https://media.example.org", "private", "uploads"),
        ("", "public", "R2_PUBLIC_BASE_URL"),
    ],
)
def test_a_bucket_that_is_both_public_and_private_is_refused(
    tmp_path: Path,
    start: Callable[[Settings], object],
    base_url: str,
    public_bucket: str,
    told: str,
) -> None:
    with pytest.raises(PermanentError) as refused:
        start(_settings(tmp_path, base_url, public_bucket))
    assert refused.value.code == "public_bucket_shared"
    assert told in refused.value.message


@pytest.mark.parametrize("start", [create_app, build_definitions, Stores])
def test_two_buckets_are_accepted(tmp_path: Path, start: Callable[[Settings], object]) -> None:
    start(_settings(tmp_path, "https://media.example.org", "public"))
