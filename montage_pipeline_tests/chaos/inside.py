"""Copied as `sitecustomize.py` to where every process of a system under test finds it: carries out
orders there, so that a run dies at an exact point and clocks jump.

An order is a file in the folder that CHAOS_ORDERS names, for whichever run comes first or for the
runs of one request; whoever carries it out renames it first, so that it is carried out once.
Nothing but the standard library is imported here.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

KILL = "kill.json"
"""For whichever run comes first; `<request id>.json` is for the runs of that request."""

AWAIT = "await"
"""While this is there, a run waits for the order that its request is about to get."""

_MAX_AWAIT_S = 30.0
"""Between a click and the order for it lie milliseconds."""

CLOCK = "clock.txt"
"""Seconds by which clocks are off."""

WINDOWS = "windows.jsonl"
"""A line for each paid call: its provider's id, when it began to go out, and when that id or its
answer was stored, in seconds of the machine's monotonic clock. A kill in between is the one thing
after which it is bought again.
"""

START = "RequestLifecycle.start"
"""The first point of a run, which is told whose run it is."""

_sent = threading.local()
"""When the thread's paid call began to go out."""

_request = ""
"""The request that this process works for."""

POINTS = {
    "montage_pipeline.requests.lifecycle": (
        START,
        "RequestLifecycle.progress",
        "RequestLifecycle.note_step",
        "RequestLifecycle.succeed",
    ),
    "montage_pipeline.requests.plans": ("note_plan",),
    "montage_pipeline.costs.ledger": (
        "CostLedger.open",
        "CostLedger.mark_sent",
        "CostLedger.attach",
        "CostLedger.settle",
    ),
    "montage_pipeline.storage.object_store": (
        "ObjectStore.put_bytes",
        "ObjectStore.put_file",
        "ObjectStore.copy",
    ),
}
"""What commits something that outlives the process, and what each step begins with, by module."""

_TIMES = "dagster._time"
"""Where Dagster asks for the date; it asks `time.time` for all else."""


def _carry_out(point: str, when: str, given: str) -> None:
    """Die here, if that was ordered and this is the process of a run."""
    if multiprocessing.parent_process() is None:
        return
    folder = Path(os.environ["CHAOS_ORDERS"])
    for order in (folder / KILL, folder / f"{_request}.json"):
        with suppress(OSError, ValueError):
            wanted = json.loads(order.read_text())
            if (wanted["point"], wanted["when"]) == (point, when) and wanted["match"] in given:
                order.rename(order.with_name(f"{order.name}.done"))
                _die(float(wanted["delay_s"]))


def _die(delay_s: float) -> None:
    """Here, or in the midst of what comes next."""
    if delay_s:
        threading.Timer(delay_s, os.kill, (os.getpid(), signal.SIGKILL)).start()
    else:
        os.kill(os.getpid(), signal.SIGKILL)


def _note_window(point: str, args: Sequence[Any]) -> None:
    """After a call that may have stored what a paid call was answered."""
    provider_id = ""
    if point == "CostLedger.attach":
        provider_id = str(args[2])
    elif point == "ObjectStore.put_bytes" and "/claude/" in str(args[1]):
        provider_id = str(json.loads(args[2])["provider_request_id"])
    sent_s: float | None = getattr(_sent, "at_s", None)
    if provider_id and sent_s is not None:
        line = {"id": provider_id, "sent_s": sent_s, "stored_s": time.monotonic()}
        with (Path(os.environ["CHAOS_ORDERS"]).parent / WINDOWS).open("a") as log:
            log.write(json.dumps(line) + "\n")
        _sent.at_s = None


def _begin(request: str) -> None:
    """Remember whose run this is, and see that its order is there."""
    global _request
    folder = Path(os.environ["CHAOS_ORDERS"])
    order = folder / f"{request}.json"
    done = order.with_name(f"{order.name}.done")
    deadline = time.monotonic() + _MAX_AWAIT_S
    while (
        (folder / AWAIT).exists()
        and not (order.exists() or done.exists())
        and time.monotonic() < deadline
    ):
        time.sleep(0.02)
    _request = request


def _watched(point: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def watched(*args: Any, **values: Any) -> Any:
        given = f"{args} {values}"
        if point == START and not _request:
            _begin(str(args[1]))
        _carry_out(point, "before", given)
        if point == "CostLedger.mark_sent":
            _sent.at_s = time.monotonic()
        result = function(*args, **values)
        _note_window(point, args)
        _carry_out(point, "after", given)
        return result

    return watched


def _watch(module: ModuleType) -> None:
    if module.__name__ == _TIMES:
        _make_the_date_jump(module)
        return
    for point in POINTS[module.__name__]:
        owner_name, _, name = point.rpartition(".")
        owner = getattr(module, owner_name) if owner_name else module
        setattr(owner, name, _watched(point, getattr(owner, name)))


class _Finder(importlib.abc.MetaPathFinder):
    """Has the points of a module watched as soon as it is loaded."""

    def __init__(self) -> None:
        self._finding: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in {*POINTS, _TIMES} or fullname in self._finding:
            return None
        self._finding.add(fullname)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._finding.discard(fullname)
        assert spec is not None
        assert spec.loader is not None
        load = spec.loader.exec_module

        def load_and_watch(module: ModuleType) -> None:
            load(module)
            _watch(module)

        spec.loader.exec_module = load_and_watch  # type: ignore[method-assign]
        return spec


def _make_the_clock_jump() -> None:
    """`time.time` reads the order at each call; Dagster and botocore ask it what time it is."""
    right = time.time
    time.time = lambda: right() + _off_s()


def _make_the_date_jump(module: ModuleType) -> None:
    """Dagster's dates, which do not come from `time.time`, are off by as much."""
    name = "_mockable_get_current_datetime"
    right = getattr(module, name)
    setattr(module, name, lambda: right() + timedelta(seconds=_off_s()))


def _off_s() -> float:
    with suppress(OSError, ValueError):
        return float((Path(os.environ["CHAOS_ORDERS"]) / CLOCK).read_text())
    return 0.0


if __name__ == "sitecustomize" and "CHAOS_ORDERS" in os.environ:
    sys.meta_path.insert(0, _Finder())
    _make_the_clock_jump()
