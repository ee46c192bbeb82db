"""The wheel, installed somewhere else: every file that the product needs at run time is in it."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import av
import pytest

from montage_pipeline_tests.deploy.compose import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def _run(folder: Path, *command: str | Path, home: Path) -> str:
    """What it prints; with nothing of this checkout in its environment."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG") if name in os.environ}
    environment = kept | {"HOME": str(home), "MONTAGE_HOME": str(home / "montage")}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the sources, without isolation: the build backend is one of the dev tools."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", folder, ROOT], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def bin_folder(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh environment that has the wheel.

    What the wheel depends on is read where these tests have it: a line in a .pth file adds a folder
    without the .pth files in it, so that this checkout is not found through it.
    """
    environment = tmp_path_factory.mktemp("elsewhere") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    install = [sys.executable, "-m", "pip", f"--python={python}", "install", "--quiet", "--no-deps"]
    subprocess.run([*install, wheel], check=True)
    (own,) = environment.glob("lib/python*/site-packages")
    (own / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return environment / "bin"


def test_the_wheel_has_what_runs_and_no_sources_of_the_page(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"montage_pipeline"}
    for needed in (
        "montage_pipeline/local/dagster.yaml",
        "montage_pipeline/local/dagster-storage.yaml",
        "montage_pipeline/local/workspace.yaml",
        "montage_pipeline/requests/migrations/env.py",
        "montage_pipeline/api/studio/static/index.html",
        "montage_pipeline/footage/measuring/models/face_detection_yunet_2023mar.onnx",
    ):
        assert needed in names
    assert [name for name in names if "/web/" in name or name.endswith((".ts", ".tsx"))] == []


def test_the_demo_runs_from_an_installed_wheel(bin_folder: Path, tmp_path: Path) -> None:
    where = "import montage_pipeline; print(montage_pipeline.__file__)"
    found = _run(tmp_path, bin_folder / "python", "-c", where, home=tmp_path)
    assert Path(found.strip()).is_relative_to(bin_folder.parent)

    outcome = json.loads(_run(tmp_path, bin_folder / "montage", "demo", "--json", home=tmp_path))
    assert outcome["status"] == "draft"
    with av.open(outcome["video"]) as container:
        assert sum(1 for _ in container.decode(video=0)) == 300
    assert Path(outcome["storyboard"]).stat().st_size > 1000
