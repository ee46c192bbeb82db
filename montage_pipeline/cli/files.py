"""The files a person names: clips and folders that go in, and the file that comes out.

Belongs here: what is read, what may be written where, and writing it without harm to anything else.
Does not belong here: what a clip holds (footage), what is written.
"""

import os
import re
import secrets
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.footage.names import printable

VIDEO_SUFFIXES = frozenset(
    (
        ".3g2",
        ".3gp",
        ".asf",
        ".avi",
        ".dv",
        ".f4v",
        ".flv",
        ".gif",
        ".insv",
        ".lrv",
        ".m1v",
        ".m2ts",
        ".m2v",
        ".m4v",
        ".mjpeg",
        ".mjpg",
        ".mkv",
        ".mod",
        ".mov",
        ".mp4",
        ".mpe",
        ".mpeg",
        ".mpg",
        ".mts",
        ".mxf",
        ".ogm",
        ".ogv",
        ".qt",
        ".rm",
        ".rmvb",
        ".tod",
        ".ts",
        ".vob",
        ".webm",
        ".wmv",
    )
)
"""What is taken from a folder; a file that is named itself may be called anything."""

_MAX_NAMED = 3
"""Of files that are not taken: a camera's folder may hold a thousand photographs."""

_DIGITS = re.compile(r"(\d+)")


_NO_VIDEO = "no video by its name"
_NO_FILE = "no file: a link that leads nowhere, or something else that is not read"
_LINKED = "a link to a folder, which is not followed: name the folder itself"


class PassedOver(NamedTuple):
    """Something in a folder that is not taken, and what it is instead of a clip."""

    path: Path
    what: str


@dataclass(frozen=True)
class GivenClips:
    """The clips of a command, in order, and what of its folders is not taken."""

    clips: tuple[Path, ...]
    passed_over: tuple[PassedOver, ...] = ()

    def notes(self) -> list[str]:
        """A sentence for every kind of thing that is not taken."""
        kinds = dict.fromkeys(other.what for other in self.passed_over)
        return [self._note(what) for what in kinds]

    def _note(self, what: str) -> str:
        paths = [_shown(other.path) for other in self.passed_over if other.what == what]
        named = ", ".join(paths[:_MAX_NAMED])
        if len(paths) > _MAX_NAMED:
            named += f" and {len(paths) - _MAX_NAMED} more"
        return f"not taken, since it is {what}: {named}"


def given_clips(paths: Iterable[Path]) -> GivenClips:
    """Files as they are; of a folder, the videos in it and in the folders below, in the order a
    person counts. Hidden files are left alone.

    Raises PermanentError(NO_SUCH_CLIP) naming every path that is not there, and every folder
    without a video.
    """
    clips: list[Path] = []
    passed_over: list[PassedOver] = []
    missing: list[str] = []
    for path in paths:
        if path.is_dir():
            found = _found_in(path)
            videos = [file for file, what in found if not what]
            clips += [file for file in videos if file not in clips]
            passed_over += [PassedOver(file, what) for file, what in found if what]
            if not videos:
                missing.append(_without_video(path, found))
        elif path.is_file():
            clips.append(path)
        elif path.exists():
            missing.append(f"{_shown(path)} is not a file.")
        else:
            missing.append(f"There is no file {_shown(path)}.")
    if missing:
        raise PermanentError(ErrorCode.NO_SUCH_CLIP, " ".join(missing))
    return GivenClips(tuple(clips), tuple(passed_over))


def _without_video(folder: Path, found: Sequence[tuple[Path, str]]) -> str:
    unreadable = next((what for path, what in found if path == folder), "")
    if unreadable:
        return f"The folder {_shown(folder)} is {unreadable}."
    return f"There is no video file in the folder {_shown(folder)}."


def _found_in(folder: Path) -> list[tuple[Path, str]]:
    """All below the folder that is not hidden, IMG_9 before IMG_10; and of what is not taken, what
    it is.
    """
    found: list[tuple[Path, str]] = []

    def refused(error: OSError) -> None:
        found.append((Path(os.fsdecode(error.filename)), f"not readable ({error.strerror})"))

    for parent, folders, names in os.walk(folder, onerror=refused):
        folders[:] = sorted((name for name in folders if name[0] != "."), key=_counted)
        found += [(path, _LINKED) for name in folders if (path := Path(parent, name)).is_symlink()]
        shown = sorted((name for name in names if name[0] != "."), key=_counted)
        found += [(Path(parent, name), _what_instead(Path(parent, name))) for name in shown]
    return found


def _what_instead(path: Path) -> str:
    """What a path is that is not taken for a clip; "" for one that is."""
    if path.suffix.lower() not in VIDEO_SUFFIXES:
        return _NO_VIDEO
    return "" if path.is_file() else _NO_FILE


def _counted(name: str) -> list[tuple[bool, int, str]]:
    """A sorting key that takes digits as numbers."""
    parts = _DIGITS.split(name.casefold())
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


@dataclass(frozen=True)
class OutFile:
    """A file that may be written: `checked` has made sure of it.

    `path` is free of symbolic links, so that what a link points to is written, as `cp` does.
    """

    named: Path
    path: Path
    sources: tuple[Path, ...]
    replace: bool

    @classmethod
    def checked(
        cls, named: Path, sources: Sequence[Path], *, force: bool, may_ask: bool = False
    ) -> "OutFile":
        """Look, before any work is done, whether the file may and can be written.

        `may_ask`: an existing file is not refused; the caller asks when `exists` says so, and then
        takes `replacing`.

        Raises PermanentError: OUT_IS_SOURCE when the file is one of `sources`, under whatever name;
        OUT_EXISTS when there is one and nobody allowed to replace it; OUT_NOT_WRITABLE.
        """
        out = cls(named, Path(os.path.realpath(named)), tuple(sources), force)
        out._refuse_sources()
        if os.path.isdir(out.path):
            raise out._unwritable("it is a folder: name a file in it")
        if out.exists and not os.path.isfile(out.path):
            raise out._unwritable("it is not an ordinary file")
        if out.exists and not force and not may_ask:
            raise out._existing()
        out._try_folder()
        return out

    @property
    def exists(self) -> bool:
        """Whether there is something under that name."""
        return os.path.lexists(self.path)

    def replacing(self) -> "OutFile":
        """The same, with leave to replace what is there."""
        return OutFile(self.named, self.path, self.sources, True)

    def copy_from(self, made: Path) -> None:
        """Write a copy of a finished file; see `write`."""
        with made.open("rb") as source:
            self.write(source)

    def write(self, source: IO[bytes]) -> None:
        """Write the file: whole or not at all, and never over what appeared in the meantime.

        Raises MontageError(OUT_NOT_WRITTEN), and as `checked` does.
        """
        part = self.path.with_name(f".montage-{secrets.token_hex(6)}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("xb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
                file.flush()
                os.fsync(file.fileno())
            self._put(part)
        except OSError as error:
            reason = error.strerror or str(error)
            raise MontageError(
                ErrorCode.OUT_NOT_WRITTEN, f"{_shown(self.named)} could not be written: {reason}."
            ) from error
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def _put(self, part: Path) -> None:
        """Give the finished part its name."""
        if self.replace:
            # It may have become a source's name since it was checked.
            self._refuse_sources()
        else:
            # Taking the name fails where there is something under it; then it is ours to replace.
            try:
                os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                raise self._existing() from None
        try:
            part.replace(self.path)
        except OSError:
            if not self.replace:
                self.path.unlink()
            raise

    def _refuse_sources(self) -> None:
        """By inode, so that links and other spellings of a name do not hide a source."""
        for source in self.sources:
            with suppress(OSError):
                if source.samefile(self.path):
                    raise PermanentError(
                        ErrorCode.OUT_IS_SOURCE,
                        f"{_shown(self.named)} is the source file {_shown(source)}: it is never "
                        "overwritten. Name another file.",
                    )

    def _try_folder(self) -> None:
        """Make sure that a file can be made there, by making one."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            probe = self.path.with_name(f".montage-{secrets.token_hex(6)}.part")
            probe.touch(exist_ok=False)
            probe.unlink()
            # A name may be too long, or hold what the file system does not take.
            with suppress(FileNotFoundError):
                os.lstat(self.path)
        except OSError as error:
            raise self._unwritable(error.strerror or str(error)) from error

    def _existing(self) -> PermanentError:
        return PermanentError(
            ErrorCode.OUT_EXISTS,
            f"There is a file {_shown(self.named)} already: name another, or replace it with "
            "--force.",
        )

    def _unwritable(self, reason: str) -> PermanentError:
        return PermanentError(
            ErrorCode.OUT_NOT_WRITABLE, f"{_shown(self.named)} cannot be written: {reason}."
        )


def _shown(path: Path) -> str:
    return printable(str(path))
