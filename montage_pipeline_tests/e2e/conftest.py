"""The whole system: embedded stores, code server, daemon, UI and API, with Claude and fal faked at
the wire.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import httpx
import psutil
import pytest
from playwright.sync_api import Browser
from pydantic import SecretStr

from montage_pipeline.api.auth import issue_token
from montage_pipeline.composition import Services
from montage_pipeline.local.stack import LocalStack, StackAddress
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import Step
from montage_pipeline_tests.e2e.browser import StudioWindow, chromium, chromium_path
from montage_pipeline_tests.fakes.anthropic_server import AnthropicServer
from montage_pipeline_tests.fakes.fal_server import FalServer
from montage_pipeline_tests.footage.media import make_clip

TokenFor = Callable[..., str]


@dataclass
class System:
    """A running system and what a test needs to use and to disturb it."""

    stack: LocalStack
    address: StackAddress
    settings: Settings
    anthropic: AnthropicServer
    fal: FalServer
    services: Services

    def client(self, user_id: UUID) -> httpx.Client:
        """An API client of that user."""
        token = issue_token(self.settings, user_id, email="somebody@example.org", ttl_s=3600)
        return httpx.Client(
            base_url=self.address.api_url, headers={"Authorization": f"Bearer {token}"}, timeout=30
        )

    def graphql(self, query: str, **variables: Any) -> Any:
        """The answer of the Dagster UI's own interface."""
        answer = httpx.post(
            f"{self.address.ui_url}/graphql",
            json={"query": query, "variables": variables},
            timeout=120,  # a busy machine takes long to answer, and that is not what is tested
        ).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def run_workers(self) -> list[psutil.Process]:
        """Processes that run montages now."""
        server = self.stack.pid_of("code-server")
        assert server is not None
        # Each is a fork of the code server's warm helper.
        helpers = [child for child in psutil.Process(server).children() if _is_helper(child)]
        return [run for helper in helpers for run in helper.children()]


def _is_helper(process: psutil.Process) -> bool:
    return any("multiprocessing.forkserver" in part for part in _command(process))


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


class Made(NamedTuple):
    """A delivered Reel and whose it is."""

    user: UUID
    item: str


@contextmanager
def running_system(home: Path, **changes: Any) -> Iterator[System]:
    """A system with its home there, and with these settings besides what makes it quick."""
    with AnthropicServer() as anthropic, FalServer() as fal:
        values: dict[str, Any] = {
            "home": home,
            "fetch_private_hosts": True,
            "analyst": "claude",
            "anthropic_api_key": "test-key",
            "anthropic_base_url": anthropic.url,
            "composer": "fal",
            "fal_key": "test-key",
            "fal_queue_url": fal.url,
            "retry_delay_s": 0.5,
            "jwt_secret": "0123456789abcdef0123456789abcdef",
            "api_port": 0,
            "ui_port": 0,
        }
        settings = Settings(**(values | changes), _env_file=None)
        stack = LocalStack(settings, with_ui=True, with_api=True)
        address = stack.start()
        try:
            reached = settings.model_copy(update={"database_url": address.env["DATABASE_URL"]})
            services = Services(reached)
            yield System(stack, address, settings, anthropic, fal, services)
            services.close()
        finally:
            stack.stop()


# For these tests alone: its daemon and servers look around every second.
@pytest.fixture(scope="package")
def system(servers_home: Path) -> Iterator[System]:
    with running_system(servers_home / "system") as running:
        yield running


@pytest.fixture(scope="session")
def small_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Footage that is quick to handle, for tests that are about something else."""
    path = tmp_path_factory.mktemp("clip") / "moving.mp4"
    run_ffmpeg(
        [
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=320x240:rate=15:duration=12",
            "-pix_fmt",
            "yuv420p",
            str(path),
        ]
    )
    return path


@pytest.fixture
def user() -> UUID:
    return uuid4()


@pytest.fixture
def token_for(system: System) -> TokenFor:
    """Tokens of any user, for so many seconds."""

    def token(user: UUID, ttl_s: int = 600) -> str:
        return issue_token(system.settings, user, ttl_s=ttl_s)

    return token


@pytest.fixture
def signing(settings: Settings) -> Settings:
    """For an API without a pipeline behind it, whose tokens the test makes itself."""
    secret = SecretStr("a-secret-of-the-tests-that-is-long-enough")
    return settings.model_copy(update={"jwt_secret": secret})


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; without it the tests are skipped, in CI they fail."""
    path = chromium_path()
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("the studio's tests need Chromium: apt-get install chromium")
        pytest.skip("no Chromium: apt-get install chromium")
    with chromium(path) as browser:
        yield browser


@pytest.fixture
def studio(system: System, browser: Browser) -> Iterator[StudioWindow]:
    """A window at a desk's width on the whole system's studio."""
    window = StudioWindow(browser, system.address.api_url, width=1440)
    yield window
    window.close()


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Enough for three edits of 8 s that share nothing, and quick to handle."""
    folder = tmp_path_factory.mktemp("footage")
    sources = ("testsrc2=size={size}:rate={rate}", "mandelbrot=size={size}:rate={rate}")
    return [
        make_clip(folder / f"{number}.mp4", source=source, size="192x144", rate="10", duration_s=20)
        for number, source in enumerate(sources)
    ]


@pytest.fixture(scope="module")
def made(system: System, footage: list[Path]) -> Made:
    user = uuid4()
    with system.client(user) as client:
        item = click(client, footage)["id"]
        status, _ = wait_for(client, item)
    assert status["status"] == "draft", status["error"]
    return Made(user, item)


def upload(client: httpx.Client, path: Path) -> str:
    """Put a file where the API says, and give its clip URL."""
    size = path.stat().st_size
    answer = client.post(
        "/api/uploads", json={"fileName": path.name, "contentType": "video/mp4", "bytes": size}
    )
    answer.raise_for_status()
    place = answer.json()
    httpx.put(
        place["uploadUrl"], content=path.read_bytes(), headers=place["headers"]
    ).raise_for_status()
    return str(place["clipUrl"])


def click(client: httpx.Client, clips: Sequence[Path], **changes: Any) -> dict[str, Any]:
    """Ask for a Reel from these clips."""
    body = {
        "type": "reel",
        "clipUrls": [upload(client, clip) for clip in clips],
        "style": "dynamic",
        "format": "square",
        "durationSec": 8,
    }
    answer = client.post("/api/content-items", json=body | changes)
    assert answer.status_code == 202, answer.text
    created: dict[str, Any] = answer.json()
    return created


def wait_for(
    client: httpx.Client, item_id: str, *, limit_s: float = 150
) -> tuple[dict[str, Any], list[tuple[str | None, int]]]:
    """Poll as the frontend does; the last answer, and every progress seen."""
    seen: list[tuple[str | None, int]] = []
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        status = client.get(f"/api/content-items/{item_id}/status").json()
        progress = (status["progressStep"], status["progressPercent"])
        if progress not in seen:
            seen.append(progress)
        if status["status"] != "generating":
            return status, seen
        time.sleep(0.2)
    raise AssertionError(f"not done after {limit_s} s, seen {seen}")


ORDER = [step.value for step in Step]
