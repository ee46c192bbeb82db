"""Schemathesis over the OpenAPI document, against the API on a real socket: no answer above 499, no
answer that the document does not promise, nothing accepted that it forbids.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import uvicorn

from montage_pipeline.api.app import create_app
from montage_pipeline.api.auth import issue_token
from montage_pipeline.local.embedded.process import free_port
from montage_pipeline.settings import Settings

_CONFIG = Path(__file__).with_name("schemathesis.toml")
_SEED = "1"
_TWINS = r"/(changes/preview|generate)$"
"""Paths of the operations that take what another takes: changes, or the wishes of a new item."""
_START_LIMIT_S = 30


@pytest.fixture(scope="module")
def served(api_settings: Settings) -> Iterator[tuple[str, Settings]]:
    """The API's address. Its limits on how often one may ask are off."""
    unlimited = {"api_user_requests_per_minute": 0, "max_requests_under_way": 0}
    settings = api_settings.model_copy(update=unlimited)
    port = free_port()
    config = uvicorn.Config(create_app(settings), port=port, log_level="error", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline_s = time.monotonic() + _START_LIMIT_S
    while not server.started:
        assert time.monotonic() < deadline_s, "the API does not start"
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}", settings
    server.should_exit = True
    thread.join(10)


def _run(served: tuple[str, Settings], folder: Path, *options: str) -> None:
    url, settings = served
    token = issue_token(settings, uuid4(), ttl_s=3600)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(_CONFIG), "run"]
    done = subprocess.run(
        [
            *command,
            f"{url}/openapi.json",
            "--header",
            f"Authorization: Bearer {token}",
            "--no-color",
            *options,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    report = done.stdout.replace(token, "[token]")
    print(report)  # noqa: T201 - its summary, for people who run this with -s
    assert done.returncode == 0, f"{report}\n{done.stderr}"


def test_the_document_is_kept(served: tuple[str, Settings], tmp_path: Path) -> None:
    """What the document's own bounds lead to, some 1,500 requests: those of the twins, and requests
    by chance, come next.
    """
    phases = ("--phases", "examples,coverage")
    _run(served, tmp_path, *phases, "--exclude-path-regex", _TWINS, "--seed", _SEED)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_document_is_kept_over_thousands_of_requests(
    served: tuple[str, Settings], tmp_path: Path
) -> None:
    _run(served, tmp_path, "-n", "300")
