"""Several requests in flight on the real stack, something that goes wrong, and what must hold.

Belongs here: what every case of the chaos suite shares. Does not belong here: what goes wrong.
"""

import io
import json
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import av
import httpx
import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.engine import Engine

from montage_pipeline.orchestration import scratch
from montage_pipeline.vocabulary import CostState, RequestState, Step
from montage_pipeline_tests.chaos.inside import CLOCK, KILL
from montage_pipeline_tests.chaos.patience import PATIENCE
from montage_pipeline_tests.chaos.store_proxy import StoreProxy
from montage_pipeline_tests.e2e.conftest import System, click

REEL_FRAMES = 8 * 30

SETTLED_WITHIN_S = 300.0 * PATIENCE
"""For everything to be over; at most twice the 15 minutes after which nothing may be under way
without being settled, and a quiet machine needs one.
"""

_MAX_WAIT_S = 120.0 * PATIENCE
"""For one thing to happen. Deadlines are generous: what is asserted is what held, not how soon."""


class Death(NamedTuple):
    """By SIGKILL, `before` or `after` a point that is called with something that contains `match`,
    or so many seconds later.
    """

    when: str
    point: str
    match: str = ""
    delay_s: float = 0.0


@dataclass(frozen=True)
class World:
    """What all cases share: the running system, the way to its store, and its processes' orders."""

    system: System
    store: StoreProxy
    orders: Path
    dagster: Engine
    """Dagster's database."""

    def kill_at(self, death: "Death", file: str = KILL) -> None:
        """Have the next run that comes there die. `file` says whose run: see `inside`."""
        order = death._asdict()
        unfinished = self.orders / "unfinished"
        unfinished.write_text(json.dumps(order))
        unfinished.rename(self.orders / file)

    @property
    def killed(self) -> bool:
        """Whether the last order to die was carried out."""
        return (self.orders / f"{KILL}.done").exists()

    def set_clocks(self, off_s: float) -> None:
        """Put the clocks of all processes forward, or back, by so many seconds."""
        (self.orders / CLOCK).write_text(str(off_s))

    def calm_down(self) -> None:
        """From now on nothing goes wrong any more."""
        for order in self.orders.iterdir():
            order.unlink()
        self.store.order(None)
        self.system.anthropic.forget_faults()
        self.system.fal.forget_faults()


@dataclass
class Scene:
    """One case: its requests, and the state of the world when it began."""

    world: World
    clip: Path
    name: str
    seed: int
    items: list[dict[str, Any]] = field(default_factory=list)
    earlier: list[UUID] = field(default_factory=list)
    """Requests of the same items whose Reels were superseded, and which were paid all the same."""
    asserted: list[str] = field(default_factory=list)
    went_on_s: list[float] = field(default_factory=list)
    """Seconds from each kill until another run worked on the request."""
    in_doubt: int = 0
    """Rows of which nobody knows whether they were charged."""
    user: UUID = field(default_factory=uuid4)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self._charged_before = self.charged_usd
        self._calls_before = self.calls

    @property
    def system(self) -> System:
        """The system that runs."""
        return self.world.system

    @property
    def charged_usd(self) -> Decimal:
        """The bill of both providers so far."""
        return self.system.anthropic.charged_usd + self.system.fal.charged_usd

    @property
    def calls(self) -> int:
        """Charged calls of both providers so far."""
        charged = [job for job in self.system.fal.jobs if job.charged_usd]
        return len(self.system.anthropic.usages) + len(charged)

    def click(self, number: int = 1, **wishes: Any) -> list[UUID]:
        """Ask for Reels; the ids of their requests."""
        with self.system.client(self.user) as client:
            made = [click(client, [self.clip], **wishes) for _ in range(number)]
        self.items += made
        return [UUID(item["requestId"]) for item in made]

    def wait_for(
        self,
        condition: Callable[[], object],
        what: str,
        limit_s: float = _MAX_WAIT_S,
        every_s: float = 0.3,
    ) -> None:
        """Wait until something is so; the database may be away meanwhile."""
        deadline = time.monotonic() + limit_s
        trouble = ""
        while time.monotonic() < deadline:
            try:
                if condition():
                    return
                trouble = ""
            except Exception as error:
                trouble = f" ({type(error).__name__}: {error})"
            time.sleep(every_s)
        raise AssertionError(f"{self.name}: not {what} within {limit_s:g} s{trouble}")

    def wait_for_step(self, step: Step, request_id: UUID | None = None) -> None:
        """Wait until one of the requests, or that one, has begun the step."""
        ids = [item["id"] for item in self.items if request_id in (None, UUID(item["requestId"]))]
        begun = "SELECT 1 FROM content_items WHERE id IN ({}) AND progress_step = '{}'"
        query = begun.format(",".join(f"'{item}'" for item in ids), step)
        self.wait_for(lambda: self.sql(query), f"at {step}", every_s=0.1)

    def wait_until_it_goes_on(self, request_id: UUID, than: str | None, since_s: float) -> None:
        """Wait until another run than that one works on the request, and note how long that took
        from a moment of the monotonic clock.
        """

        def goes_on() -> bool:
            request = self.system.services.requests.get_request(request_id)
            assert request is not None
            if request.state.is_terminal:
                return True
            return request.state is RequestState.RUNNING and request.run_id != than

        self.wait_for(goes_on, "going on in another run")
        self.went_on_s.append(time.monotonic() - since_s)
        self.asserted.append(f"went on after {self.went_on_s[-1]:.1f} s")

    def run_of(self, request_id: UUID) -> str | None:
        """The run that has the request."""
        request = self.system.services.requests.get_request(request_id)
        return request.run_id if request else None

    def sql(self, query: str, *, dagster: bool = False) -> list[tuple[Any, ...]]:
        """Rows of the product's database, or of Dagster's."""
        engine = self.world.dagster if dagster else self.system.services.engine
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def withdraw(self) -> None:
        """Cancel what is left of a case that failed, so that it is not in the way of the next."""
        for item in self.items:
            self.system.services.requests.withdraw(UUID(item["requestId"]))

    # What must hold in the end

    def all_is_well(self, *, one_fails: str = "", **codes: str) -> None:
        """Every request is a draft, or failed with the code that `codes` has for its id, or but for
        one, whichever, that failed with `one_fails`; nothing is stuck, lost, doubled or left over.
        """
        self._all_are_over()
        self.statuses_are_right(codes, one_fails)
        self.ledger_equals_wire()
        self.files_are_whole()
        self.nothing_is_left()

    def _all_are_over(self) -> None:
        ids = ",".join(f"'{item['requestId']}'" for item in self.items)
        states = f"SELECT state FROM montage_requests WHERE id IN ({ids})"
        over = {state.value for state in RequestState if state.is_terminal}
        self.wait_for(
            lambda: {state for (state,) in self.sql(states)} <= over,
            "every request over",
            SETTLED_WITHIN_S,
        )
        self.none_is_stuck()

    def none_is_stuck(self) -> None:
        """No item is `generating` when nothing is under way."""
        stuck = "SELECT count(*) FROM content_items WHERE status = 'generating'"
        assert self.sql(stuck) == [(0,)]
        self.asserted.append(f"{len(self.items)} over, none stuck")

    def statuses_are_right(self, codes: dict[str, str], one_fails: str) -> None:
        """As `all_is_well` says."""
        left = [one_fails] if one_fails else []
        with self.system.client(self.user) as client:
            for item in self.items:
                status = client.get(f"/api/content-items/{item['id']}/status").json()
                code = (status["error"] or {}).get("code")
                wanted = codes.get(item["requestId"])
                if wanted is None and code in left:
                    wanted = left.pop()
                assert (status["status"], code) == (
                    ("failed", wanted) if wanted else ("draft", None)
                ), f"{self.name}: {status}, {self._runs_of(item)}"
        assert not left, f"{self.name}: no request failed with {one_fails}"
        failed = sorted({*codes.values(), one_fails} - {""})
        drafts = "all drafts" if len(self.items) > 1 else "a draft"
        if failed and len(self.items) == 1:
            drafts = failed[0]
        elif failed:
            drafts = f"drafts but {', '.join(failed)}"
        self.asserted.append(drafts)

    def _runs_of(self, item: dict[str, Any]) -> list[tuple[Any, ...]]:
        query = (
            "SELECT attempt, lost_runs, state FROM montage_requests "
            f"WHERE content_item_id = '{item['id']}'"
        )
        return self.sql(query)

    def ledger_equals_wire(self) -> None:
        """What was charged is on the ledger, once. A call that was in flight at a kill has a row,
        too, that says it is not settled.
        """
        ids = [*(UUID(item["requestId"]) for item in self.items), *self.earlier]
        entries = [entry for one in ids for entry in self.system.services.ledger.entries(one)]
        bought = [entry.provider_request_id for entry in entries if entry.provider_request_id]
        assert len(bought) == len(set(bought)), f"{self.name}: a call is on the ledger twice"
        settled = [entry for entry in entries if entry.state is CostState.SETTLED]
        charged, calls = self.charged_usd - self._charged_before, self.calls - self._calls_before
        assert len(entries) >= calls, f"{self.name}: {calls} charged calls, {entries}"
        self.in_doubt = unsettled = len(entries) - len(settled)
        on_ledger = sum((entry.cost_usd for entry in settled), Decimal(0))
        if unsettled:
            assert on_ledger <= charged
        else:
            assert on_ledger == charged, f"{self.name}: {entries}"
        note = f", {unsettled} in doubt or not settled yet" if unsettled else ""
        self.asserted.append(f"ledger = wire ({calls} calls{note})")

    def files_are_whole(self) -> None:
        """Every draft's file decodes to its last frame."""
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

    def nothing_is_left(self) -> None:
        """No process, slot, temporary file or connection outlives the requests."""
        live = "SELECT count(*) FROM runs WHERE status IN ('STARTING', 'STARTED', 'CANCELING')"
        self.wait_for(lambda: self.sql(live, dagster=True) == [(0,)], "every slot free")
        self.wait_for(lambda: not self.system.run_workers(), "every run's process gone")
        self.wait_for(lambda: not list(self._ffmpegs()), "every FFmpeg gone", 60)
        beats = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'montage-heartbeat'"
        self.wait_for(lambda: self.sql(beats)[0][0] <= 2, "the heartbeats' connections given back")
        self.wait_for(lambda: not list(self._strays()), "every worker gone", 60)
        self._scratch_is_free()
        self.asserted.append("no process, slot, file or connection left")

    def _scratch_is_free(self) -> None:
        """What a killed run left is held by nobody, so that the next step removes it."""
        folder = self.system.settings.home / "scratch"
        if folder.is_dir():
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(scratch, "_MIN_AGE_S", 0.0)
                self.wait_for(
                    lambda: scratch.remove_abandoned(folder) == 0 and not list(folder.iterdir()),
                    "scratch empty",
                    60,
                )

    def _strays(self) -> Iterable[psutil.Process]:
        """Processes of this system's runs that nobody looks after any more."""
        home = str(self.system.settings.home.resolve())
        for process in psutil.process_iter():
            try:
                ours = process.environ().get("TMPDIR", "").startswith(home)
                command = " ".join(process.cmdline())
                of_a_run = "spawn_main" in command or "media.isolation" in command
                if ours and of_a_run and process.ppid() == 1:
                    yield process
            except psutil.Error:
                continue

    def _ffmpegs(self) -> Iterable[psutil.Process]:
        home = str(self.system.settings.home.resolve())
        for process in psutil.process_iter():
            try:
                if "ffmpeg" in process.name() and any(home in part for part in process.cmdline()):
                    yield process
            except psutil.Error:
                continue
