"""The files a person names: what is read, and that nothing of theirs is overwritten."""

import io
import os
from pathlib import Path

import pytest

from montage_pipeline.cli.files import OutFile, given_clips
from montage_pipeline.errors import ErrorCode, MontageError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "IMG[1].mp4"
    path.write_bytes(b"the only copy")
    return path


def refusal(out: Path, *sources: Path, force: bool = False) -> ErrorCode:
    with pytest.raises(MontageError) as refused:
        OutFile.checked(out, sources, force=force)
    return refused.value.code


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    "alias", ["same", "dotted", "hard link", "symbolic link", "link to folder"]
)
def test_a_source_is_never_written_whatever_it_is_called(
    source: Path, tmp_path: Path, alias: str, force: bool
) -> None:
    other = tmp_path / "other.mp4"
    if alias == "same":
        other = source
    elif alias == "dotted":
        (tmp_path / "sub").mkdir()
        other = tmp_path / "sub" / ".." / source.name
    elif alias == "hard link":
        other.hardlink_to(source)
    elif alias == "symbolic link":
        other.symlink_to(source)
    else:
        (tmp_path / "folder").symlink_to(tmp_path)
        other = tmp_path / "folder" / source.name
    assert refusal(other, source, force=force) is ErrorCode.OUT_IS_SOURCE
    assert source.read_bytes() == b"the only copy"


def test_a_source_that_takes_the_name_in_the_meantime_is_kept(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "reel.mp4"
    out.write_bytes(b"an earlier Reel")
    allowed = OutFile.checked(out, [source], force=True)
    out.unlink()
    out.hardlink_to(source)
    with pytest.raises(MontageError) as refused:
        allowed.write(io.BytesIO(b"new"))
    assert refused.value.code is ErrorCode.OUT_IS_SOURCE
    assert source.read_bytes() == b"the only copy"


def test_an_existing_file_is_replaced_only_when_that_was_allowed(tmp_path: Path) -> None:
    out = tmp_path / "reel.mp4"
    out.write_bytes(b"an earlier Reel")
    assert refusal(out) is ErrorCode.OUT_EXISTS
    asked = OutFile.checked(out, [], force=False, may_ask=True)
    assert asked.exists
    for allowed in (asked.replacing(), OutFile.checked(out, [], force=True)):
        allowed.write(io.BytesIO(b"new"))
    assert out.read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["reel.mp4"]


def test_what_appears_during_the_work_is_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "new folder" / "reel.mp4"
    allowed = OutFile.checked(out, [], force=False)
    out.write_bytes(b"somebody else's")
    with pytest.raises(MontageError) as refused:
        allowed.write(io.BytesIO(b"new"))
    assert refused.value.code is ErrorCode.OUT_EXISTS
    assert out.read_bytes() == b"somebody else's"
    assert [path.name for path in out.parent.iterdir()] == ["reel.mp4"]


def test_a_link_is_written_through(tmp_path: Path) -> None:
    target, link = tmp_path / "there.mp4", tmp_path / "link.mp4"
    link.symlink_to(target)
    OutFile.checked(link, [], force=False).write(io.BytesIO(b"new"))
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("name", ["", "file/reel.mp4", "x" * 300 + ".mp4"])
def test_what_cannot_be_written_is_refused_before_the_work(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    assert refusal(tmp_path / name) is ErrorCode.OUT_NOT_WRITABLE


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(28, "No space left on device")

    out = tmp_path / "reel.mp4"
    with pytest.raises(MontageError, match="No space left") as failed:
        OutFile.checked(out, [], force=False).write(Broken())
    assert failed.value.code is ErrorCode.OUT_NOT_WRITTEN
    assert list(tmp_path.iterdir()) == []


def test_a_folder_stands_for_its_videos_in_the_order_a_person_counts(tmp_path: Path) -> None:
    deeper = tmp_path / "100GOPRO"
    deeper.mkdir()
    names = ["IMG_10.MOV", "IMG_9.mov", "notes.txt", ".hidden.mp4", "100GOPRO/a.mp4"]
    for name in (*names, os.fsdecode(b"caf\xe9.mp4")):
        (tmp_path / name).touch()
    given = given_clips([tmp_path, tmp_path / "IMG_9.mov"])
    assert [path.name for path in given.clips] == [
        os.fsdecode(b"caf\xe9.mp4"),
        "IMG_9.mov",
        "IMG_10.MOV",
        "a.mp4",
        "IMG_9.mov",
    ]
    assert [other.path.name for other in given.passed_over] == ["notes.txt"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(MontageError, match="no video file in the folder"):
        given_clips([tmp_path / "empty"])


def test_what_a_folder_holds_and_is_not_taken_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "card"
    (folder / "100").mkdir(parents=True)
    for name in ("a.mp4", "100/b.mp4", *(f"{number}.jpg" for number in range(9, 14))):
        (folder / name).touch()
    (folder / "gone.mov").symlink_to(tmp_path / "nowhere.mov")
    (folder / "linked").symlink_to(folder / "100", target_is_directory=True)
    given = given_clips([folder])
    assert [path.name for path in given.clips] == ["a.mp4", "b.mp4"]
    linked, photographs, gone = given.notes()
    assert linked.endswith(f"{folder / 'linked'}")
    assert "link to a folder" in linked
    named = ", ".join(str(folder / f"{number}.jpg") for number in (9, 10, 11))
    assert photographs.endswith(f"{named} and 2 more")
    assert gone.endswith(f"{folder / 'gone.mov'}")


def test_a_folder_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "a.mp4").touch()
    scandir = os.scandir

    def refusing(path: str) -> object:  # root may read everything
        if os.fspath(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    given = given_clips([tmp_path])
    assert [path.name for path in given.clips] == ["a.mp4"]
    [note] = given.notes()
    assert "closed" in note
    assert "Permission denied" in note
    with pytest.raises(MontageError, match="closed is not readable"):
        given_clips([tmp_path / "closed"])
