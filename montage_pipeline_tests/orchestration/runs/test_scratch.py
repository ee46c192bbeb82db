"""Folders of dead processes go, those of living ones stay; a full disk is told as such."""

import errno
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from uuid import UUID

import dagster as dg
import pytest

from montage_pipeline.composition import Services
from montage_pipeline.orchestration.assets import music_track
from montage_pipeline.orchestration.scratch import remove_abandoned, scratch_folder
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline_tests.clicks import click
from montage_pipeline_tests.orchestration.conftest import (
    add_partition,
    error_of,
    retries_of,
    run_montage,
)

HOLD = """
import pathlib, sys, time
from montage_pipeline.composition import Services
from montage_pipeline.orchestration.scratch import scratch_folder
from montage_pipeline.settings import Settings
with scratch_folder(Services(Settings(home=pathlib.Path(sys.argv[1]))), "other") as folder:
    (folder / "large").write_bytes(bytes(1000))
    print(folder, flush=True)
    time.sleep(600)
"""


def test_what_a_killed_process_left_is_removed_by_the_next_step(services: Services) -> None:
    home = services.settings.home
    command = [sys.executable, "-c", textwrap.dedent(HOLD), str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        folder = Path(other.stdout.readline().strip())
        an_hour_ago = time.time() - 3600
        os.utime(folder, (an_hour_ago, an_hour_ago))
        assert remove_abandoned(services.scratch) == 0
        assert (folder / "large").exists()
        other.kill()
    with scratch_folder(services, "mine") as mine:
        assert list(services.scratch.iterdir()) == [mine]
    assert list(services.scratch.iterdir()) == []


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, pytest.param(errno.EDQUOT, marks=pytest.mark.slow)]
)
def test_a_full_disk_says_so(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("could not store") from OSError(number, os.strerror(number))

    monkeypatch.setattr(music_track, "scratch_folder", full)
    created = click(library, user, clip.as_uri())
    result = run_montage(services, instance, add_partition(instance, created))
    assert retries_of(result) == 3
    error = error_of(library, user, created)
    assert (error["code"], error["step"]) == ("disk_full", "music_track")
    assert "no space left" in error["message"]
