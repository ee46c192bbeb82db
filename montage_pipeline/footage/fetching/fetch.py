"""Bringing a clip to this machine, whatever its address, without trusting the address.

Belongs here: which source serves an address, and whether a clip is fetched whole or read in ranges.
Does not belong here: how a source brings a file (web, bucket, disk), limits and error codes
(limits), the cache's files (cache).
"""

from pathlib import Path

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.footage.fetching.bucket import (
    ClipStore,
    fetch_from_bucket,
    key_in_bucket,
    version_of,
)
from montage_pipeline.footage.fetching.cache import ClipCache, cache_failures
from montage_pipeline.footage.fetching.disk import fetch_from_disk
from montage_pipeline.footage.fetching.limits import (
    Limits,
    clip_limits,
    codes_for_music,
    music_limits,
)
from montage_pipeline.footage.fetching.ranges import RangeServer
from montage_pipeline.footage.fetching.sniff import HEAD_BYTES
from montage_pipeline.footage.fetching.web import WebSource, split_url
from montage_pipeline.footage.model import ClipFacts, ClipSource, FetchedClip
from montage_pipeline.footage.names import clip_name, file_path, shown_url
from montage_pipeline.footage.rebuilding.copying import rebuild, rebuilt_address
from montage_pipeline.logs import get_logger
from montage_pipeline.media.isolation.calls import isolated
from montage_pipeline.media.isolation.limits import Budget
from montage_pipeline.settings import Settings

_log = get_logger(__name__)

# A clip is read in ranges when it is at least this large and no more than this share of its length
# is wanted; otherwise one download is quicker than many ranges.
_RANGE_FROM_BYTES = 16 * (1 << 20)
_MAX_RANGE_SHARE = 0.5
_REBUILD_S = 300.0  # for reading a clip through once, and writing it: at 15 MB/s
_LEAD_S = 5.0  # read besides: the sound, and the way from the keyframe before each span


class ClipFetcher:
    """Fetches clips from https:// and s3:// (our bucket).

    Where settings allow it, from http://, file:// and plain paths too.

    Clips are cached under `cache_dir` and cannot be evicted until `close`. Safe with several
    threads and processes.
    """

    def __init__(self, settings: Settings, store: ClipStore | None, cache_dir: Path) -> None:
        """`store` may be None where no s3:// clip will be asked for."""
        self._settings = settings
        self._store = store
        self._cache = ClipCache(cache_dir, settings.cache_max_bytes)
        self._web = WebSource(settings, self._cache)
        self._ranges: RangeServer | None = None

    def __enter__(self) -> "ClipFetcher":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the fetched clips.

        From now on they may be evicted, and addresses given by `reach` are gone.
        """
        if self._ranges is not None:
            self._ranges.close()
            self._ranges = None
        self._cache.close()

    def fetch(self, url: str, *, expected_sha256: str | None = None) -> FetchedClip:
        """The clip's bytes on this machine, ready to be read: see `footage.rebuilding`.

        With `expected_sha256` (hex, from an earlier look at the clip) a cached copy is used without
        asking the source, and different bytes are an error.

        Raises PermanentError for what the clip or its address is at fault for: CLIP_BAD_URL,
        CLIP_FORBIDDEN_HOST, CLIP_NOT_FOUND, CLIP_REFUSED, CLIP_TOO_LARGE, CLIP_NOT_VIDEO,
        CLIP_CHANGED; and MontageError for what may pass: CLIP_FETCH_FAILED, CLIP_CACHE_FULL,
        CLIP_CACHE_FAILED.
        """
        return self._rebuilt(self._original(url, expected_sha256))

    def _original(self, url: str, expected_sha256: str | None) -> FetchedClip:
        """The clip as it is at its address."""
        if expected_sha256 and (held := self._cache.hold(expected_sha256)):
            return FetchedClip(
                url=url, path=held, sha256=expected_sha256, bytes=held.stat().st_size
            )
        fetched = self._fetched(url, clip_limits(self._settings))
        if expected_sha256 and fetched.sha256 != expected_sha256:
            raise _changed(url)
        return fetched

    def _rebuilt(self, clip: FetchedClip) -> FetchedClip:
        """The clip, or the copy of its packets that is read in its place."""
        address = rebuilt_address(clip.sha256)
        if held := self._cache.hold(address):
            return clip.model_copy(update={"path": held, "rebuilt": True})

        part = self._cache.new_part()
        try:
            with cache_failures():
                budget = Budget(_REBUILD_S, file_bytes=self._settings.max_clip_bytes)
                if not isolated(budget, None, rebuild, clip.path, part):
                    return clip
                path = self._cache.keep(part, address)
        except PermanentError as error:
            if error.code in (ErrorCode.CLIP_CRASHED, ErrorCode.CLIP_TOO_DEMANDING):
                name = clip_name(clip.url)
                raise PermanentError(error.code, f"{name}: {error.message}") from error
            # What is wrong with a file that cannot be read at all is said by the probe.
            _log.warning("clip_not_rebuilt", clip=shown_url(clip.url), reason=str(error))
            return clip
        finally:
            part.unlink(missing_ok=True)
        return clip.model_copy(update={"path": path, "rebuilt": True})

    def fetch_music(self, url: str) -> FetchedClip:
        """The same for the user's own music: a file that may be sound alone, with its own limit.

        The errors have the codes that `limits` lists for music: MUSIC_NOT_FOUND, MUSIC_NOT_AUDIO …
        """
        limits = music_limits(self._settings)
        with codes_for_music():
            fetched = self._fetched(url, limits)
            # What is in the cache may have come as a clip.
            with fetched.path.open("rb") as file:
                limits.refuse_start(url, file.read(HEAD_BYTES))
        return fetched

    def reach(self, facts: ClipFacts, used_s: float) -> ClipSource:
        """Where to read an analysed clip from when `used_s` seconds of it are wanted.

        A copy on this machine; else, for a large clip in our bucket of which little is wanted, an
        address that fetches just the bytes that are read (good until `close`); else the clip is
        fetched whole. Raises as `fetch`.
        """
        if facts.rebuilt:
            return self._rebuilt(self._original(facts.url, facts.sha256)).path
        if held := self._cache.hold(facts.sha256):
            return held
        key = key_in_bucket(self._store, facts.url)
        if self._store is None or key is None or not facts.version or not _is_little(facts, used_s):
            return self._original(facts.url, facts.sha256).path
        return self._range_address(self._store, key, facts)

    def range_error(self) -> MontageError | None:
        """Why an address that `reach` gave could not be read on, if the store failed behind it."""
        return self._ranges.error() if self._ranges else None

    def _fetched(self, url: str, limits: Limits) -> FetchedClip:
        parts = split_url(url)
        if parts.scheme in ("https", "http"):
            return self._web.fetch(url, limits)
        if parts.scheme == "s3":
            return fetch_from_bucket(self._cache, self._store, url, limits)

        if parts.scheme != "file" and not url.startswith("/"):
            raise PermanentError(
                ErrorCode.CLIP_BAD_URL,
                f"{shown_url(url)}: {limits.what} must have an https:// or s3:// address",
                url=shown_url(url),
            )
        if not self._settings.local_files:
            raise PermanentError(
                ErrorCode.CLIP_BAD_URL,
                f"{clip_name(url)}: local files are not accepted here; upload the file",
                url=shown_url(url),
            )
        path = file_path(url) if parts.scheme == "file" else Path(url)
        return fetch_from_disk(self._cache, url, path, limits)

    def _range_address(self, store: ClipStore, key: str, facts: ClipFacts) -> str:
        """A loopback address of an object that is still the one that was analysed."""
        stored = store.head(key)
        if stored is None:
            raise PermanentError(
                ErrorCode.CLIP_NOT_FOUND,
                f"{clip_name(facts.url)} is no longer in the bucket",
                url=facts.url,
            )
        if version_of(stored) != facts.version:
            raise _changed(facts.url)
        if self._ranges is None:
            self._ranges = RangeServer(store, self._cache.new_folder())
        return self._ranges.address_of(key, stored.bytes, stored.etag)


def _is_little(facts: ClipFacts, used_s: float) -> bool:
    """Whether so little of so large a clip is wanted that ranges are quicker."""
    large = facts.bytes >= _RANGE_FROM_BYTES
    return large and used_s + _LEAD_S <= facts.duration_s * _MAX_RANGE_SHARE


def _changed(url: str) -> PermanentError:
    return PermanentError(
        ErrorCode.CLIP_CHANGED,
        f"{clip_name(url)} is no longer the file that was analysed; ask for a new montage",
        url=shown_url(url),
    )
