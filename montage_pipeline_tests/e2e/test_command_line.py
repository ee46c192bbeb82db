"""`montage` as a person uses it: a home of its own, nothing configured."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import av
import psutil
import pytest

from montage_pipeline.local.environment import HOME_MARK
from montage_pipeline_tests.orchestration.conftest import make_clip

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]

MONTAGE = Path(sys.executable).parent / "montage"


def environment_of(home: Path) -> dict[str, str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in ("PATH", "HOME", "TMPDIR", "LANG", "PYTHONPATH")
    }
    return environment | {"MONTAGE_HOME": str(home)}


def montage(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(MONTAGE), *arguments],
        env=environment_of(home),
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
    timeline = json.loads(Path(outcome["timeline"]).read_text())
    shown = [segment["clip"] for segment in timeline["segments"]]
    assert shown[0] == 0, "the rabbit comes out of its burrow"
    assert set(shown) == {0, 1, 2}
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


def test_edits_are_compared_and_one_is_rendered_as_asked(servers_home: Path) -> None:
    home, clips = servers_home / "compared", []
    for source in ("testsrc2", "mandelbrot"):
        make_clip(servers_home / f"{source}.mp4", f"{source}=size=192x144:rate=10", 14)
        clips.append(str(servers_home / f"{source}.mp4"))
    asked = ["make", *clips, "--duration", "8", "--variants", "2", "--json"]
    nobody = montage(home, *asked)
    assert (nobody.returncode, "--choose" in nobody.stderr) == (2, True)

    shapes = ("--format", "square", "--format", "reel")
    done = montage(home, *asked, "--choose", "2", "--preview", *shapes)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert (outcome["status"], outcome["width"], outcome["height"]) == ("draft", 540, 540)
    sizes = []
    for path in (outcome["video"], outcome["formats"]["reel"]):
        with av.open(path) as container:
            stream = container.streams.video[0]
            sizes.append((stream.width, stream.height))
    assert sizes[0] == (540, 540)
    assert sizes[1][0] * 16 == sizes[1][1] * 9
    storyboards = [Path(line.split()[-1]) for line in done.stderr.splitlines() if "edit 1" in line]
    assert all(path.stat().st_size > 1000 for path in storyboards)
    assert len(storyboards) == 1

    kept = montage(home, "make", *clips, "--duration", "8", "--keep-music", "--preview", "--json")
    assert kept.returncode == 0, kept.stderr
    tracks = [
        json.loads(Path(made["timeline"]).with_name("music_track.json").read_text())
        for made in (outcome, json.loads(kept.stdout))
    ]
    assert tracks[0]["grid"] == tracks[1]["grid"]


def test_one_segment_of_a_made_reel_is_changed(servers_home: Path) -> None:
    home = servers_home / "changed"
    done = montage(home, "demo", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    listed = montage(home, "change", made["video"], "--json")
    assert listed.returncode == 0, listed.stderr
    segments = json.loads(listed.stdout)["segments"]
    number = next(part["number"] for part in segments if part["alternatives"]) + 1
    other, total = segments[number - 1]["alternatives"][0], len(segments)

    ordered = ["change", made["contentItemId"], f"replace:{number}:1"]
    foreseen = montage(home, *ordered, "--dry-run")
    assert f"1 of {total} segments will be rendered; nothing is bought." in foreseen.stdout
    assert "It shows other footage." in foreseen.stdout
    out = servers_home / "changed.mp4"
    changed = montage(home, *ordered, "--out", str(out), "--json")
    assert changed.returncode == 0, changed.stderr
    assert f"1 of {total} segments will be rendered" in changed.stderr
    outcome = json.loads(changed.stdout)
    assert (outcome["costs"], outcome["contentItemId"]) == ([], made["contentItemId"])
    before, after = (
        [part["moment"] for part in json.loads(Path(of["timeline"]).read_text())["segments"]]
        for of in (made, outcome)
    )
    assert after == [*before[: number - 1], other["moment"], *before[number:]]
    with av.open(str(out)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 300

    refused = montage(home, "change", made["contentItemId"], f"replace:{total + 1}:1")
    assert (refused.returncode, "there is no segment" in refused.stderr) == (1, True)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_a_reel_nobody_waits_for_is_canceled_and_never_resumed(
    servers_home: Path, how: signal.Signals
) -> None:
    home = servers_home / f"stopped-by-{how.name}"
    clip = servers_home / f"holiday[red] {how.name}.mp4"
    make_clip(clip, "testsrc2=size=640x360:rate=30", 40)
    making = subprocess.Popen(
        [str(MONTAGE), "make", str(clip), "--duration", "10"],
        env=environment_of(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert making.stdout is not None
    assert any("looking at the clips" in line for line in making.stdout)
    os.killpg(making.pid, how)
    rest = making.stdout.read()
    status = making.wait(60)
    if how is signal.SIGINT:
        assert status == 130
        assert rest.count("Canceled: no Reel is made of item") == 1
        assert not any(_belongs_to(process, home) for process in psutil.process_iter())

    [item] = json.loads(montage(home, "list", "--json").stdout)
    assert (item["status"], item["error"]["code"]) == ("failed", "canceled")
    again = montage(home, "make", str(clip), "--duration", "7", "--json")
    assert again.returncode == 0, again.stderr
    items = json.loads(montage(home, "list", "--json").stdout)
    assert [item["status"] for item in items] == ["draft", "failed"]


def _belongs_to(process: psutil.Process, home: Path) -> bool:
    try:
        running = process.status() != psutil.STATUS_ZOMBIE
        return running and process.environ().get(HOME_MARK) == str(home.resolve())
    except psutil.Error:
        return False
