"""Finding a Reel that was made at this machine again, by whatever `montage make` named of it."""

import filecmp
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from montage_pipeline.cli.system import running_database
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.names import printable
from montage_pipeline.settings import Settings, get_settings
from montage_pipeline.vocabulary import Step

_TIMELINE = f"{Step.EDIT_TIMELINE}.json"


def reels_folder(settings: Settings) -> Path:
    """Where finished Reels lie, each in a folder named after its request."""
    return settings.home.resolve() / "reels"


def timeline_of(named: Path) -> Path:
    """The timeline of the Reel that `named` belongs to: itself, a file beside it, its folder, a
    copy of the Reel elsewhere, or the id of an item or a request.

    Raises PermanentError: BAD_TIMELINE when there is no such file, NOT_A_REEL when it belongs to
    no Reel of this machine.
    """
    reels = reels_folder(get_settings())
    if named.is_dir():
        return _existing(named / _TIMELINE, named)
    if named.is_file():
        if named.suffix.lower() == ".json":
            return named
        beside = named.with_name(_TIMELINE)
        return beside if beside.is_file() else _existing(_folder_of_copy(named, reels), named)
    with suppress(ValueError):
        return _existing(reels / str(_request_id(UUID(str(named)), reels)) / _TIMELINE, named)
    raise PermanentError(ErrorCode.BAD_TIMELINE, f"There is no file {printable(str(named))}.")


def _request_id(item_or_request_id: UUID, reels: Path) -> UUID | None:
    if (reels / str(item_or_request_id)).is_dir():
        return item_or_request_id
    with running_database() as services:
        return services.library.newest_request(item_or_request_id)


def _folder_of_copy(named: Path, reels: Path) -> Path:
    """The timeline of the Reel that this file is a copy of, as --out makes one."""
    for made in reels.glob(f"*/*{named.suffix}"):
        if filecmp.cmp(made, named, shallow=False):
            return made.with_name(_TIMELINE)
    return reels / "none" / _TIMELINE


def _existing(timeline: Path, named: Path) -> Path:
    if not timeline.is_file():
        raise PermanentError(
            ErrorCode.NOT_A_REEL,
            f"{printable(str(named))} belongs to no Reel that was made at this machine.",
        )
    return timeline
