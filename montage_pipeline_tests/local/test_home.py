"""MONTAGE_HOME is closed to other users; folders that are not ours are left alone."""

import os
import stat
from pathlib import Path

import pytest

from montage_pipeline.local.home import make_private
from montage_pipeline.settings import Settings

_PRIVATE = 0o710 if os.geteuid() == 0 else 0o700
"""Root lets the group of Postgres's account pass through, and nobody look."""


def _mode(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


def test_a_home_is_closed_to_others_also_one_of_an_older_version(tmp_path: Path) -> None:
    fresh, older = tmp_path / "a" / "fresh", tmp_path / "older"
    (older / "objects").mkdir(parents=True)
    older.chmod(0o755)

    for home in (fresh, older):
        make_private(home)
        assert _mode(home) == _PRIVATE


@pytest.mark.parametrize("mode", [0o755, 0o1777])
def test_a_folder_of_somebody_elses_things_stays_open(tmp_path: Path, mode: int) -> None:
    shared = tmp_path / "shared"
    (shared / "website").mkdir(parents=True)
    shared.chmod(mode)
    make_private(shared)
    assert _mode(shared) == mode


def test_the_users_own_folder_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "jwt_secret").touch()
    tmp_path.chmod(0o755)
    make_private(tmp_path)
    assert _mode(tmp_path) == 0o755


def test_state_is_in_one_place_per_user_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MONTAGE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    homes = []
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        homes.append(Settings().home)
    assert homes[0] == homes[1]
    assert homes[0].is_relative_to(tmp_path)

    (tmp_path / "other" / ".montage").mkdir()
    assert Settings().home.resolve() == tmp_path / "other" / ".montage"
    monkeypatch.setenv("MONTAGE_HOME", str(tmp_path / "told"))
    assert Settings().home == tmp_path / "told"
