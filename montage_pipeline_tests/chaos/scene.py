"""Several requests in flight on the real stack, something that goes wrong, and what must hold.

Belongs here: what every case of the chaos suite shares. Does not belong here: what goes wrong.
"""

import io
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import av
import httpx
import psutil
import psycopg

from montage_pipeline.vocabulary import CostState, RequestState, Step
from montage_pipeline_tests.e2e.conftest import System, click

REEL_FRAMES = 8 * 30

SETTLED_WITHIN_S = 900.0
"""For everything to be over. Nothing may be under way for longer than 15 minutes without being
settled; a quiet machine needs two.
"""

_MAX_WAIT_S = 600.0
"""For one thing to happen. Deadlines are generous: what is asserted is what held, not how soon."""


@dataclass
class Scene:
    """One case: its requests, and the state of the world when it began."""

    system: System
    clip: Path
    name: str
    seed: int
    items: list[dict[str, Any]] = field(default_factory=list)
    asserted: list[str] = field(default_factory=list)
    user: UUID = field(default_factory=uuid4)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self._charged_before = self.charged_usd
        self._calls_before = self.calls

    @property
    def charged_usd(self) -> Decimal:
        """The bill of both providers so far."""
        return self.system.anthropic.charged_usd + self.system.fal.charged_usd

    @property
    def calls(self) -> int:
        """Charged calls of both providers so far."""
        charged = [job for job in self.system.fal.jobs if job.charged_usd]
        return len(self.system.anthropic.usages) + len(charged)

    def click(self, number: int = 1) -> list[UUID]:
        """Ask for Reels; the ids of their requests."""
        with self.system.client(self.user) as client:
            made = [click(client, [self.clip]) for _ in range(number)]
        self.items += made
        return [UUID(item["requestId"]) for item in made]

    def wait_for(
        self, condition: Callable[[], object], what: str, limit_s: float = _MAX_WAIT_S
    ) -> None:
        """Wait until something is so; the database may be away meanwhile."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            try:
                if condition():
                    return
            except Exception as error:
                what = f"{what.split(' (')[0]} ({type(error).__name__})"
            time.sleep(0.1)
        raise AssertionError(f"{self.name}: not {what} within {limit_s:g} s")

    def wait_for_step(self, step: Step, request_id: UUID | None = None) -> None:
        """Wait until one of the requests, or that one, has begun the step."""
        ids = {item["id"] for item in self.items if request_id in (None, UUID(item["requestId"]))}

        def begun() -> bool:
            with self.system.client(self.user) as client:
                answers = [client.get(f"/api/content-items/{item}/status").json() for item in ids]
            return any(answer["progressStep"] == step for answer in answers)

        self.wait_for(begun, f"at {step}")

    def sql(self, query: str, *, dagster: bool = False) -> list[tuple[Any, ...]]:
        """Rows of the product's database, or of Dagster's."""
        name = "DAGSTER_POSTGRES_URL" if dagster else "DATABASE_URL"
        url = self.system.address.env[name]
        url = url.replace("+psycopg2", "").replace("+psycopg", "")
        with psycopg.connect(url, connect_timeout=5) as connection:
            return connection.execute(query.encode()).fetchall()

    def withdraw(self) -> None:
        """Cancel what is left of a case that failed, so that it is not in the way of the next."""
        for item in self.items:
            self.system.services.requests.withdraw(UUID(item["requestId"]))

    # What must hold in the end

    def all_is_well(self, **codes: str) -> None:
        """Every request is a draft, or failed with the code that `codes` has for its id; nothing is
        stuck, lost, doubled or left over.
        """
        self._all_are_over()
        self._statuses_are_right(codes)
        self._ledger_equals_wire()
        self._files_are_whole()
        self._nothing_is_left()

    def _all_are_over(self) -> None:
        ids = ",".join(f"'{item['requestId']}'" for item in self.items)
        states = f"SELECT state FROM montage_requests WHERE id IN ({ids})"
        over = {state.value for state in RequestState if state.is_terminal}
        self.wait_for(
            lambda: {state for (state,) in self.sql(states)} <= over,
            "every request over",
            SETTLED_WITHIN_S,
        )
        stuck = "SELECT count(*) FROM content_items WHERE status = 'generating'"
        assert self.sql(stuck) == [(0,)]
        self.asserted.append(f"{len(self.items)} over, none stuck")

    def _statuses_are_right(self, codes: dict[str, str]) -> None:
        with self.system.client(self.user) as client:
            for item in self.items:
                status = client.get(f"/api/content-items/{item['id']}/status").json()
                code = (status["error"] or {}).get("code")
                wanted = codes.get(item["requestId"])
                assert (status["status"], code) == (
                    ("failed", wanted) if wanted else ("draft", None)
                ), f"{self.name}: {status}, {self._runs_of(item)}"
        failed = sorted(set(codes.values()))
        self.asserted.append(f"drafts but {', '.join(failed)}" if failed else "all drafts")

    def _runs_of(self, item: dict[str, Any]) -> list[tuple[Any, ...]]:
        query = (
            "SELECT attempt, lost_runs, state FROM montage_requests "
            f"WHERE content_item_id = '{item['id']}'"
        )
        return self.sql(query)

    def _ledger_equals_wire(self) -> None:
        """What was charged is on the ledger, once. A call that was in flight at a kill has a row,
        too, that says it is not settled.
        """
        entries = [
            entry
            for item in self.items
            for entry in self.system.services.ledger.entries(UUID(item["requestId"]))
        ]
        ids = [entry.provider_request_id for entry in entries if entry.provider_request_id]
        assert len(ids) == len(set(ids)), f"{self.name}: a call is on the ledger twice"
        settled = [entry for entry in entries if entry.state is CostState.SETTLED]
        charged, calls = self.charged_usd - self._charged_before, self.calls - self._calls_before
        assert len(entries) >= calls, f"{self.name}: {calls} charged calls, {entries}"
        unsettled = len(entries) - len(settled)
        on_ledger = sum((entry.cost_usd for entry in settled), Decimal(0))
        if unsettled:
            assert on_ledger <= charged
        else:
            assert on_ledger == charged, f"{self.name}: {entries}"
        note = f", {unsettled} in flight at a kill" if unsettled else ""
        self.asserted.append(f"ledger = wire ({calls} calls{note})")

    def _files_are_whole(self) -> None:
        with self.system.client(self.user) as client:
            statuses = [
                client.get(f"/api/content-items/{item['id']}/status").json() for item in self.items
            ]
        urls = [status["generatedMediaUrl"] for status in statuses if status["status"] == "draft"]
        for url in urls:
            with av.open(io.BytesIO(httpx.get(url, timeout=60).content), "r") as container:
                frames = sum(1 for _ in container.decode(container.streams.video[0]))
            assert frames == REEL_FRAMES, f"{self.name}: {frames} frames at {url}"
        self.asserted.append(f"{len(urls)} files whole")

    def _nothing_is_left(self) -> None:
        """No process, slot, temporary file or connection outlives the requests."""
        live = "SELECT count(*) FROM runs WHERE status IN ('STARTING', 'STARTED', 'CANCELING')"
        self.wait_for(lambda: self.sql(live, dagster=True) == [(0,)], "every slot free")
        self.wait_for(lambda: not self.system.run_workers(), "every run's process gone")
        self.wait_for(lambda: not list(self._ffmpegs()), "every FFmpeg gone", 60)
        beats = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'montage-heartbeat'"
        self.wait_for(lambda: self.sql(beats)[0][0] <= 2, "the heartbeats' connections given back")
        scratch = self.system.settings.home / "scratch"
        # What a killed run left goes with the next step; see `scratch_folder`.
        left = len(list(scratch.iterdir())) if scratch.is_dir() else 0
        assert left <= len(self.items) * 4
        self.asserted.append("no process, slot or connection left")

    def _ffmpegs(self) -> Iterable[psutil.Process]:
        home = str(self.system.settings.home.resolve())
        for process in psutil.process_iter():
            try:
                if "ffmpeg" in process.name() and any(home in part for part in process.cmdline()):
                    yield process
            except psutil.Error:
                continue
