"""One clip that ends its decoder costs that clip and nothing else."""

import os
import signal
import threading
import time
from pathlib import Path

import psutil

from montage_pipeline.analysis.local import LocalAnalyst
from montage_pipeline.errors import ErrorCode
from montage_pipeline.media.isolation.workers import WORKERS
from montage_pipeline.settings import Settings
from montage_pipeline_tests.footage.media import fetched, filmed, make_clip, scenery


def _end_whoever_reads(path: Path, killed: list[int], over: threading.Event) -> None:
    """SIGSEGV to the process that decodes a file, as soon as it has had it open for a moment."""
    while not over.is_set() and not killed:
        for child in psutil.Process().children(recursive=True):
            try:
                reads = any(file.path == str(path) for file in child.open_files())
            except psutil.Error:
                continue
            if reads:
                os.kill(child.pid, signal.SIGSEGV)
                killed.append(child.pid)
        time.sleep(0.002)


def test_a_decoder_that_crashes_rejects_just_its_clip(tmp_path: Path) -> None:
    clips = [
        fetched(
            make_clip(
                tmp_path / f"{number}.mp4",
                source=filmed(scenery(tmp_path / f"{number}.png", seed=number)),
                size="640x360",
                duration_s=4,
            )
        )
        for number in range(4)
    ]
    WORKERS.end()  # of earlier tests
    others = set(psutil.Process().children(recursive=True))  # servers of earlier tests
    killed: list[int] = []
    over = threading.Event()
    watcher = threading.Thread(target=_end_whoever_reads, args=(clips[2].path, killed, over))
    watcher.start()
    try:
        analysis = LocalAnalyst(Settings()).analyse(clips, "dynamic", 8)
    finally:
        over.set()
        watcher.join()

    assert len(killed) == 1
    assert [clip.facts.url for clip in analysis.clips] == [clips[n].url for n in (0, 1, 3)]
    (rejected,) = analysis.rejected_clips
    assert (rejected.url, rejected.code) == (clips[2].url, ErrorCode.CLIP_CRASHED)
    assert "crash (SIGSEGV)" in rejected.message
    WORKERS.end()
    assert set(psutil.Process().children(recursive=True)) <= others
