"""Whatever happens in a worker is an error with a code here, and nothing of ours is in there."""

import errno
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from structlog.typing import EventDict

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.logs import get_logger
from montage_pipeline.media.isolation import effort
from montage_pipeline.media.isolation.calls import isolated
from montage_pipeline.media.isolation.limits import Budget, bare_environment
from montage_pipeline.media.isolation.wire import ForbiddenAnswer, Returned, read_answer
from montage_pipeline.media.isolation.workers import WORKERS, Stopped
from montage_pipeline.rendering.errors import RenderError
from montage_pipeline.spans import Span

BUDGET = Budget(30.0)


def _end_by(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(60)


def _sleep() -> None:
    time.sleep(60)


def _compute_for_ever() -> None:
    while True:
        pass


def _pause_and_compute_for_ever() -> None:
    """Computes all the while, and never as much as it might."""
    while True:
        began_s = time.process_time()
        while time.process_time() - began_s < 0.002:
            pass
        time.sleep(0.05)


def _slow_and_steady(pause_s: float, turns: int) -> int:
    """What a busy machine makes of a second's work: most of the time others compute."""
    for _ in range(turns):
        began_s = time.process_time()
        while time.process_time() - began_s < 0.01:
            pass
        time.sleep(pause_s)
    return turns


def _share_out(seconds: float, threads: int) -> int:
    """Compute so long in each of some threads, with no lock between them."""
    import hashlib

    block = bytes(4 << 20)

    def compute() -> None:
        while time.thread_time() < seconds:
            hashlib.sha256(block)

    workers = [threading.Thread(target=compute) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return threads


def _allocate_at_once() -> int:
    return len(bytearray(3 << 30))


def _allocate_bit_by_bit() -> None:
    held = []
    while True:
        held.append(os.urandom(1 << 20))


def _decode_latin_1() -> str:
    return b"Caf\xe9".decode()


def _refuse() -> None:
    raise PermanentError(ErrorCode.CLIP_NO_VIDEO, "it is blank", tracks=[1, "a"], where=Path("x"))


def _fail_for_now() -> None:
    raise RenderError(ErrorCode.RENDER_FAILED, "the address went away")


def _fill_the_disk() -> None:
    raise OSError(errno.ENOSPC, "full")


def _write(path: Path, size: int) -> int:
    with path.open("wb", buffering=0) as file:
        return file.write(bytes(size))


def _environment() -> dict[str, str]:
    return dict(os.environ)


def _identity() -> int:
    return os.getpid()


def _log() -> None:
    get_logger(__name__).warning("sound_left_out", packets=3)


def _spans(count: int) -> list[Span]:
    return [Span(float(number), number + 1.0) for number in range(count)]


def _array(size: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.arange(size, dtype=np.float64)


@pytest.mark.parametrize(
    ("budget", "function", "args", "code", "words"),
    [
        (BUDGET, _end_by, (signal.SIGSEGV,), "crashed", "SIGSEGV"),
        (BUDGET, _end_by, (signal.SIGABRT,), "crashed", "SIGABRT"),
        (BUDGET, _end_by, (signal.SIGKILL,), "too_demanding", "want of memory"),
        (Budget(0.3), _sleep, (), "too_demanding", "stands still"),
        # By us, or by the system, whose own limit a busy machine may come to first.
        (Budget(0.3), _compute_for_ever, (), "too_demanding", "core's time"),
        (Budget(0.15), _pause_and_compute_for_ever, (), "too_demanding", "longer than"),
        (Budget(30, memory_bytes=1 << 30), _allocate_at_once, (), "too_demanding", r"1\.1 GB of"),
        (Budget(30, memory_bytes=400 << 20), _allocate_bit_by_bit, (), "too_demanding", r"0\.4 GB"),
        (BUDGET, _decode_latin_1, (), "failed", r"read; the reference [0-9a-f]{12} is in our logs"),
    ],
    ids=["segv", "abort", "killed", "hang", "spin", "slow", "bomb", "leak", "unexpected"],
)
def test_what_ends_a_worker_is_named(
    budget: Budget,
    function: Callable[..., object],
    args: tuple[Any, ...],
    code: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(effort, "_MIN_STILL_S", 1.0)
    with pytest.raises(PermanentError, match=words) as caught:
        isolated(budget, None, function, *args)
    assert caught.value.code == f"clip_{code}"
    assert isolated(BUDGET, None, _array, 3).tolist() == [0, 1, 2], "the next call is served"


def test_a_call_is_not_over_time_because_others_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three times its second by the clock, and a third of it in the core's."""
    monkeypatch.setattr(effort, "_MIN_STILL_S", 1.0)
    assert isolated(Budget(1.0), None, _slow_and_steady, 0.09, 30) == 30


def test_threads_that_compute_side_by_side_have_the_time_of_one() -> None:
    """Together they compute for longer than the budget, and none does; as on an idle machine."""
    cores = os.cpu_count() or 1
    assert isolated(Budget(1.0), None, _share_out, 0.6, min(cores, 2)) == min(cores, 2)
    with pytest.raises(PermanentError, match="core's time"):
        isolated(Budget(0.5), None, _share_out, 30.0, 2)


def test_errors_of_ours_are_raised_as_they_were() -> None:
    with pytest.raises(PermanentError, match="it is blank") as refused:
        isolated(BUDGET, None, _refuse)
    assert refused.value.code is ErrorCode.CLIP_NO_VIDEO
    assert refused.value.details == {"tracks": [1, "a"], "where": "x"}
    with pytest.raises(RenderError, match="went away"):
        isolated(BUDGET, None, _fail_for_now)
    with pytest.raises(OSError, match="No space left") as full:
        isolated(BUDGET, None, _fill_the_disk)
    assert full.value.errno == errno.ENOSPC, "a full disk is no fault of the clip"


def test_results_and_log_come_back(logged: list[EventDict]) -> None:
    assert isolated(BUDGET, None, _spans, 3)[2] == Span(2.0, 3.0)
    assert isolated(BUDGET, None, _array, 1_000_000).sum() == 499_999_500_000
    isolated(BUDGET, None, _log)
    assert [(line["event"], line["packets"], line["log_level"]) for line in logged] == [
        ("sound_left_out", 3, "warning")
    ]


def test_a_worker_is_used_again_and_has_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = ("DATABASE_URL", "ANTHROPIC_API_KEY", "FAL_KEY", "R2_SECRET_ACCESS_KEY", "MY_OWN")
    for name in secrets:
        monkeypatch.setenv(name, "postgresql://user:hunter2@database/montage")
    WORKERS.end()
    inside = isolated(BUDGET, None, _environment)
    assert "hunter2" not in repr(inside)
    assert inside["PATH"] == os.environ["PATH"]
    assert not any(name in bare_environment() for name in secrets)
    first = isolated(BUDGET, None, _identity)
    assert first == isolated(BUDGET, None, _identity) != os.getpid()


def test_files_have_a_limit(tmp_path: Path) -> None:
    budget = Budget(30, file_bytes=1000)
    assert isolated(budget, None, _write, tmp_path / "small", 900) == 900
    isolated(budget, None, _write, tmp_path / "large", 5000)
    assert (tmp_path / "large").stat().st_size == 1000


def test_the_end_of_all_workers_is_nobodys_fault() -> None:
    WORKERS.end()
    others = set(psutil.Process().children())  # servers of earlier tests
    isolated(BUDGET, None, _identity)
    (server,) = set(psutil.Process().children()) - others
    assert any("fork_server" in argument for argument in server.cmdline())
    server.kill()
    server.wait()
    assert isolated(BUDGET, None, _array, 2).tolist() == [0, 1]


def test_a_call_is_given_up_at_once() -> None:
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(Stopped):
        isolated(Budget(60), stop, _sleep)


def test_no_process_outlives_us() -> None:
    program = (
        "from montage_pipeline_tests.media.isolation import test_calls as calls\n"
        "calls.isolated(calls.BUDGET, None, calls._identity)\n"
        "print('ready', flush=True)\n"
        "calls.isolated(calls.BUDGET, None, calls._sleep)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    assert len(children) == 2, "the fork server and its worker"
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive


class _Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("true",)


class _Odd:
    """Of ours, but no record."""


@pytest.mark.parametrize("value", [_Evil(), [_Evil()], Returned(_Evil(), ()), 3, _Odd(), os.getcwd])
def test_no_answer_can_make_us_run_anything(value: object) -> None:
    """What a decoder that was taken over could send."""
    with pytest.raises(ForbiddenAnswer):
        read_answer(bytearray(pickle.dumps(value)))
