"""`montage` as a person uses it: a home of its own, nothing configured."""

import json
import os
import subprocess
import sys
from pathlib import Path

import av
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]

MONTAGE = Path(sys.executable).parent / "montage"


def montage(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in ("PATH", "HOME", "TMPDIR", "LANG")
    }
    environment["MONTAGE_HOME"] = str(home)
    return subprocess.run(
        [str(MONTAGE), *arguments],
        env=environment,
        cwd=home.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_demo_and_what_can_be_asked_afterwards(servers_home: Path) -> None:
    home = servers_home / "demo"
    done = montage(home, "demo", "--json")
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["status"] == "draft"
    assert (outcome["width"], outcome["height"], outcome["durationSec"]) == (1080, 1920, 10)
    assert set(outcome["steps"]) == {
        "clip_analysis",
        "music_track",
        "edit_timeline",
        "rendered_video",
        "r2_object",
    }
    assert 0 < sum(outcome["steps"].values()) < outcome["totalSeconds"]
    assert outcome["costs"] == []
    with av.open(outcome["video"]) as container:
        assert sum(1 for _ in container.decode(video=0)) == 300
    for name in ("storyboard", "timeline", "analysis"):
        assert Path(outcome[name]).stat().st_size > 1000
    assert "rendering" in done.stderr, "progress goes to stderr, in plain lines"

    status = montage(home, "status", outcome["contentItemId"])
    assert status.stdout.startswith("draft")
    assert montage(home, "costs", "--csv").stdout.startswith(
        "created_at,service,endpoint,state,cost_usd"
    )
    assert montage(home, "doctor").returncode == 0


def test_mistakes_get_a_sentence(servers_home: Path) -> None:
    home = servers_home / "mistakes"
    missing = montage(home, "make", "/nowhere/at-all.mp4")
    assert missing.returncode == 1
    assert "There is no file /nowhere/at-all.mp4" in missing.stderr
    assert "Traceback" not in missing.stderr
    unknown = montage(home, "status", "00000000-0000-4000-8000-000000000000")
    assert unknown.returncode == 1
    assert "There is no content item" in unknown.stderr
