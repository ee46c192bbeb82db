"""Time a click to what it asks for: a plan of three edits, a preview, a Reel, through the API.

    python -m benchmarks.preview [--duration 30] [--write] CLIP…

Without clips it uses the sample footage of the demo, for 10 s. `--write` puts the table into
docs/benchmarks.md. A system of its own is started, and knows nothing before the first click.
"""

import argparse
import secrets
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from benchmarks import report
from benchmarks.measuring import PAUSE_S
from montage_pipeline.api.auth import issue_token
from montage_pipeline.local.footage import demo_clips
from montage_pipeline.local.identity import LOCAL_USER_ID
from montage_pipeline.local.stack import LocalStack
from montage_pipeline.settings import Settings

PREVIEW_LIMIT_S = 15.0
"""Goal from the click to the preview of a Reel of 30 s, on two cores that do nothing else."""

_POLL_S = 0.2  # small beside what is measured
_DEMO_S = 10
_MAX_WAIT_S = 1800.0
_ITEMS = "/api/content-items"


class Timed(NamedTuple):
    """What was asked for, and the seconds from the click until it was there; of these, those that
    the steps took.
    """

    name: str
    seconds: float
    steps: str


class Clicks:
    """A person at the API, with a stop-watch."""

    def __init__(self, api_url: str, token: str) -> None:
        self._http = httpx.Client(
            base_url=api_url, headers={"Authorization": f"Bearer {token}"}, timeout=60
        )

    def upload(self, path: Path) -> str:
        """The address of an uploaded clip."""
        body = {"fileName": path.name, "contentType": "video/mp4", "bytes": path.stat().st_size}
        asked = self._http.post("/api/uploads", json=body).raise_for_status().json()
        put = httpx.put(asked["uploadUrl"], content=path.read_bytes(), headers=asked["headers"])
        put.raise_for_status()
        return str(asked["clipUrl"])

    def timed(self, name: str, path: str, body: dict[str, Any]) -> tuple[Timed, str]:
        """Send the click, wait for the end of its request; the time, and the item's id."""
        time.sleep(PAUSE_S)
        began_s = time.monotonic()
        item = self._http.post(path, json=body).raise_for_status().json()["id"]
        seen: dict[str, float] = {}
        while time.monotonic() - began_s < _MAX_WAIT_S:
            status = self._http.get(f"{_ITEMS}/{item}/status").raise_for_status().json()
            step = status["progressStep"] or "waiting"
            seen.setdefault(step, time.monotonic() - began_s)
            if status["status"] == "failed":
                raise SystemExit(f"{name}: {status['error']['message']}")
            if status["status"] == "draft":
                break
            time.sleep(_POLL_S)
        steps = ", ".join(f"{step} from {at_s:.1f}" for step, at_s in seen.items())
        return Timed(name, time.monotonic() - began_s, steps), str(item)


def measure(
    paths: Sequence[Path],
    duration_s: int,
    after: Callable[[str, str, str], None] = lambda _api, _token, _item: None,
) -> list[Timed]:
    """One of each kind of click; `after` is called with the API, a token and the item."""
    with tempfile.TemporaryDirectory(prefix="montage-bench-") as folder:
        Path(folder).chmod(0o755)
        settings = Settings(
            home=Path(folder) / "home",
            jwt_secret=secrets.token_urlsafe(48),
            api_port=0,
            ui_port=0,
            _env_file=None,
        )
        stack = LocalStack(settings, with_ui=False, with_api=True)
        address = stack.start()
        try:
            token = issue_token(settings, LOCAL_USER_ID, ttl_s=7200)
            clicks = Clicks(address.api_url, token)
            order = {
                "type": "reel",
                "clipUrls": [clicks.upload(path) for path in paths],
                "style": "travel",
                "format": "reel",
                "durationSec": duration_s,
            }
            plan, item = clicks.timed(
                "click → three plans, clips not known yet",
                _ITEMS,
                order | {"variants": 3, "planOnly": True},
            )
            render = f"{_ITEMS}/{item}/variants/1/render"
            preview, _ = clicks.timed("chosen plan → preview", render, {"preview": True})
            reel, _ = clicks.timed("chosen plan → Reel", render, {})
            formats, _ = clicks.timed(
                "the same Reel → square and landscape too",
                render,
                {"formats": ["square", "landscape"]},
            )
            again, _ = clicks.timed(
                "click → preview, clips known", _ITEMS, order | {"preview": True}
            )
            after(address.api_url, token, item)
            return [plan, preview, reel, formats, again]
        finally:
            stack.stop()


def table(found: Sequence[Timed], duration_s: int) -> str:
    """Seconds of each click, and their ratio to the render of the chosen plan."""
    reel_s = next(timed.seconds for timed in found if timed.name == "chosen plan → Reel")
    rows = [
        [
            timed.name,
            f"{timed.seconds:.1f}",
            f"{timed.seconds / reel_s:.2f}",
            f"{timed.seconds / PREVIEW_LIMIT_S:.2f}" if "→ preview" in timed.name else "",
        ]
        for timed in found
    ]
    head = f"{duration_s} s; {report.machine()}; one run.\n\n"
    goal = f"share of {PREVIEW_LIMIT_S:g} s"
    return head + report.table(("from → to", "seconds", "beside the Reel", goal), rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", nargs="*", metavar="CLIP", type=Path)
    parser.add_argument("--duration", type=int, default=30)
    parser.add_argument(
        "--write", action="store_true", help="put the table into docs/benchmarks.md"
    )
    arguments = parser.parse_args()
    paths = arguments.clips or list(demo_clips())
    duration_s = arguments.duration if arguments.clips else _DEMO_S
    found = measure(paths, duration_s)
    text = table(found, duration_s)
    print(text)
    for timed in found:
        print(f"{timed.name}: {timed.steps}")
    if arguments.write:
        report.write("preview", text)


if __name__ == "__main__":
    main()
