"""Bringing a clip to this machine, whatever the address, without trusting the address.

Belongs here: the kinds of address, their limits, and what their failures mean to the user.
Does not belong here: which hosts are allowed (address), what counts as video (sniff), the cache's
files (cache).
"""

import errno
import hashlib
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import httpcore
import httpx

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.footage.fetching.address import GuardedTransport
from montage_pipeline.footage.fetching.cache import CachedSource, ClipCache
from montage_pipeline.footage.fetching.ranges import RangeServer
from montage_pipeline.footage.fetching.sniff import (
    HEAD_BYTES,
    refuse_unless_audio,
    refuse_unless_video,
)
from montage_pipeline.footage.model import ClipFacts, ClipSource, FetchedClip
from montage_pipeline.footage.names import shown_url
from montage_pipeline.settings import Settings

if TYPE_CHECKING:
    from montage_pipeline.storage.model import StoredObject

_CHUNK_BYTES = 1 << 20
_CONNECT_TIMEOUT_S = 10.0
_SILENCE_TIMEOUT_S = 30.0  # longest wait for the next bytes
_REDIRECTS = {301, 302, 303, 307, 308}
_TRY_LATER = {408, 409, 423, 425, 429}
_RANGE_FROM_BYTES = 16 * (1 << 20)
_RANGE_MOST_SHARE = (
    0.5  # of a clip's length: from there on one download is quicker than many ranges
)
_LEAD_S = 5.0
_USER_AGENT = "montage-pipeline"

_CODES_FOR_MUSIC = {
    ErrorCode.CLIP_BAD_URL: ErrorCode.MUSIC_BAD_URL,
    ErrorCode.CLIP_CACHE_FAILED: ErrorCode.MUSIC_CACHE_FAILED,
    ErrorCode.CLIP_CACHE_FULL: ErrorCode.MUSIC_CACHE_FULL,
    ErrorCode.CLIP_FETCH_FAILED: ErrorCode.MUSIC_FETCH_FAILED,
    ErrorCode.CLIP_FORBIDDEN_HOST: ErrorCode.MUSIC_FORBIDDEN_HOST,
    ErrorCode.CLIP_NOT_FOUND: ErrorCode.MUSIC_NOT_FOUND,
    ErrorCode.CLIP_NOT_VIDEO: ErrorCode.MUSIC_NOT_AUDIO,
    ErrorCode.CLIP_REFUSED: ErrorCode.MUSIC_REFUSED,
    ErrorCode.CLIP_TOO_LARGE: ErrorCode.MUSIC_TOO_LARGE,
}
"""What a failure to fetch is called when the file is music."""


class ClipStore(Protocol):
    """What is needed of the object store; `ObjectStore` is one."""

    bucket: str

    def head(self, key: str) -> "StoredObject | None":
        """The object's facts, or None."""
        ...

    def download(self, key: str, path: Path) -> None:
        """Write the object to `path`."""
        ...

    def get_range(self, key: str, start: int, length: int, *, etag: str) -> bytes:
        """Some bytes of the object, if it still has this ETag."""
        ...


@dataclass(frozen=True)
class _Arrival:
    """Bytes that came: where they lie, their hash, and the source's mark for this version."""

    part: Path
    sha256: str
    bytes: int
    version: str


@dataclass(frozen=True)
class _Wanted:
    """What is being fetched, in words and in rules."""

    what: str
    limit_bytes: int
    accept: str
    refuse_head: Callable[[bytes, str], None]


class ClipFetcher:
    """Fetches clips from https://, s3:// (our bucket) and, where settings allow, http://, file://
    and plain paths.

    Clips are cached under `cache_dir` and cannot be evicted until `close`. Safe with several
    threads and processes.
    """

    def __init__(self, settings: Settings, store: ClipStore | None, cache_dir: Path) -> None:
        """`store` may be None where no s3:// clip will be asked for."""
        self._settings = settings
        self._store = store
        self._cache = ClipCache(cache_dir, settings.cache_max_bytes)
        self._ranges: RangeServer | None = None
        self._clip = _Wanted("clip", settings.max_clip_bytes, "video/*", refuse_unless_video)
        self._music = _Wanted("music", settings.max_music_bytes, "audio/*", refuse_unless_audio)

    def __enter__(self) -> "ClipFetcher":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the fetched clips: from now on they may be evicted, and addresses given by
        `reach` are gone.
        """
        if self._ranges is not None:
            self._ranges.close()
            self._ranges = None
        self._cache.close()

    def fetch(self, url: str, *, expected_sha256: str | None = None) -> FetchedClip:
        """The clip's bytes on this machine.

        With `expected_sha256` (hex, from an earlier look at the clip) a cached copy is used without
        asking
        the source, and different bytes are an error.

        Raises PermanentError for what the clip or its address is at fault for: "clip_bad_url",
        "clip_forbidden_host", "clip_not_found", "clip_refused", "clip_too_large", "clip_not_video",
        "clip_changed"; and MontageError for what may pass: "clip_fetch_failed", "clip_cache_full".
        """
        if expected_sha256 and (held := self._cache.hold(expected_sha256)):
            return FetchedClip(
                url=url, path=held, sha256=expected_sha256, bytes=held.stat().st_size
            )
        fetched = self._fetched(url, self._clip)
        if expected_sha256 and fetched.sha256 != expected_sha256:
            raise _changed(url)
        return fetched

    def fetch_music(self, url: str) -> FetchedClip:
        """The same for the user's own music: a file that may be sound alone, with the limit for
        music.

        The codes of the errors say music where those of `fetch` say clip: "music_not_found",
        "music_not_audio" …
        """
        try:
            fetched = self._fetched(url, self._music)
            # What is in the cache may have come as a clip.
            with fetched.path.open("rb") as file:
                _naming(url, file.read(HEAD_BYTES), "", self._music)
        except MontageError as error:
            kind = MontageError if error.retryable else PermanentError
            code = _CODES_FOR_MUSIC.get(error.code, error.code)
            raise kind(code, error.message, **error.details) from error
        return fetched

    def _fetched(self, url: str, wanted: _Wanted) -> FetchedClip:
        parts = _split(url)
        if parts.scheme in ("https", "http"):
            return self._from_web(url, wanted)
        if parts.scheme == "s3":
            return self._from_store(url, parts.netloc, parts.path.removeprefix("/"), wanted)
        if parts.scheme == "file" or url.startswith("/"):
            return self._from_disk(
                url, unquote(parts.path) if parts.scheme == "file" else url, wanted
            )
        message = f"{shown_url(url)}: {wanted.what} comes from https:// or s3:// addresses"
        raise PermanentError(ErrorCode.CLIP_BAD_URL, message, url=shown_url(url))

    def reach(self, facts: ClipFacts, used_s: float) -> ClipSource:
        """Where to read an analysed clip from when `used_s` seconds of it are wanted.

        A copy on this machine; else, for a large clip in our bucket of which little is wanted, an
        address that fetches just
        the bytes that are read (good until `close`); else the clip is fetched whole. Raises as
        `fetch` does.
        """
        if held := self._cache.hold(facts.sha256):
            return held
        parts = _split(facts.url)
        # The sound and the way from the key frame before each span are read as well.
        little = (
            facts.bytes >= _RANGE_FROM_BYTES
            and used_s + _LEAD_S <= facts.duration_s * _RANGE_MOST_SHARE
        )
        if (
            parts.scheme != "s3"
            or self._store is None
            or parts.netloc != self._store.bucket
            or not little
            or not facts.version
        ):
            return self.fetch(facts.url, expected_sha256=facts.sha256).path
        key = unquote(parts.path.removeprefix("/"))
        stored = self._store.head(key)
        if stored is None:
            raise PermanentError(
                ErrorCode.CLIP_NOT_FOUND, f"{facts.url} is no longer in the bucket", url=facts.url
            )
        if f"{stored.etag}:{stored.bytes}" != facts.version:
            raise _changed(facts.url)
        if self._ranges is None:
            self._ranges = RangeServer(self._store, self._cache.new_folder())
        return self._ranges.address_of(key, stored.bytes, stored.etag)

    def range_error(self) -> MontageError | None:
        """Why an address that `reach` gave could not be read on, if the store failed behind it."""
        return self._ranges.error() if self._ranges else None

    def _from_disk(self, url: str, name: str, wanted: _Wanted) -> FetchedClip:
        if not self._settings.local_files:
            raise PermanentError(
                ErrorCode.CLIP_BAD_URL,
                f"{shown_url(url)}: local files are not accepted here; upload the {wanted.what}",
                url=shown_url(url),
            )
        path = Path(name)
        try:
            facts = path.stat()
            if not path.is_file():
                raise PermanentError(ErrorCode.CLIP_NOT_VIDEO, f"{name} is not a file", url=url)
            _refuse_size(url, facts.st_size, wanted)
            version = f"{facts.st_size}:{facts.st_mtime_ns}:{facts.st_ino}"
            known = self._cache.source(url)
            if known and known.version == version:
                return FetchedClip(url=url, path=path, sha256=known.sha256, bytes=known.bytes)
            with path.open("rb") as file:
                head = file.read(HEAD_BYTES)
                _naming(url, head, "", wanted)
                digest = hashlib.sha256(head)
                while chunk := file.read(_CHUNK_BYTES):
                    digest.update(chunk)
        except FileNotFoundError as error:
            raise PermanentError(
                ErrorCode.CLIP_NOT_FOUND, f"there is no file {name}", url=url
            ) from error
        except PermissionError as error:
            raise PermanentError(
                ErrorCode.CLIP_REFUSED, f"{name} may not be read: permission denied", url=url
            ) from error
        self._cache.remember(
            url, CachedSource(sha256=digest.hexdigest(), bytes=facts.st_size, version=version)
        )
        return FetchedClip(url=url, path=path, sha256=digest.hexdigest(), bytes=facts.st_size)

    def _from_store(self, url: str, bucket: str, key: str, wanted: _Wanted) -> FetchedClip:
        if self._store is None or bucket != self._store.bucket:
            raise PermanentError(
                ErrorCode.CLIP_BAD_URL,
                f"{url}: only files of our own bucket can be read with s3://",
                url=url,
            )
        key = unquote(key)
        stored = self._store.head(key)
        if stored is None:
            raise PermanentError(
                ErrorCode.CLIP_NOT_FOUND,
                f"{url} is not in the bucket; was the upload finished?",
                url=url,
            )
        _refuse_size(url, stored.bytes, wanted)
        version = f"{stored.etag}:{stored.bytes}"
        with self._cache.alone_with(url):
            if (clip := self._cached(url, version)) is not None:
                return clip
            part = self._cache.new_part()
            try:
                self._store.download(key, part)
                with part.open("rb") as file:
                    _naming(url, file.read(HEAD_BYTES), stored.content_type, wanted)
                    file.seek(0)
                    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                return self._kept(url, _Arrival(part, sha256, part.stat().st_size, version))
            except OSError as error:
                raise _disk_trouble(error) from error
            finally:
                part.unlink(missing_ok=True)

    def _from_web(self, url: str, wanted: _Wanted) -> FetchedClip:
        with self._cache.alone_with(url):
            known = self._cache.source(url)
            held = self._cache.hold(known.sha256) if known else None
            try:
                arrival = self._download(url, known.version if known and held else "", wanted)
            except OSError as error:
                raise _disk_trouble(error) from error
            if arrival is None and known is not None and held is not None:
                return FetchedClip(
                    url=url,
                    path=held,
                    sha256=known.sha256,
                    bytes=known.bytes,
                    version=known.version,
                )
            if arrival is None:
                raise MontageError(
                    ErrorCode.CLIP_FETCH_FAILED,
                    f"{shown_url(url)}: the server says it is unchanged, but it was never fetched",
                )
            return self._kept(url, arrival)

    def _download(self, url: str, version: str, wanted: _Wanted) -> _Arrival | None:
        """The clip in a new part; None when the source still has `version`."""
        deadline_s = time.monotonic() + self._settings.fetch_timeout_s
        headers = {
            "User-Agent": _USER_AGENT,
            "Accept": f"{wanted.accept}, application/octet-stream, */*;q=0.5",
            "Accept-Encoding": "identity",
        }
        if version:
            headers["If-None-Match"] = version
        name = shown_url(url)
        # The transport is driven directly: httpx.Client would log every address with its signature.
        timeout = httpx.Timeout(_SILENCE_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S).as_dict()
        try:
            with GuardedTransport(
                allow_private=self._settings.fetch_private_hosts, deadline_s=deadline_s
            ) as transport:
                at = url
                for _ in range(self._settings.fetch_max_redirects + 1):
                    self._refuse_url(at)
                    response = transport.handle_request(
                        httpx.Request("GET", at, headers=headers, extensions={"timeout": timeout})
                    )
                    with closing(response):
                        if response.status_code in _REDIRECTS and "location" in response.headers:
                            at = urljoin(at, response.headers["location"])
                            continue
                        if response.status_code == 304 and version:
                            return None
                        _refuse_status(name, response.status_code)
                        return self._received(url, response, wanted)
                limit = self._settings.fetch_max_redirects
                raise PermanentError(
                    ErrorCode.CLIP_REFUSED,
                    f"{name} redirects more than {limit} times; give the final address",
                    url=name,
                )
        except (httpcore.TimeoutException, httpx.TimeoutException) as error:
            late = time.monotonic() >= deadline_s
            why = (
                f"took longer than {self._settings.fetch_timeout_s:g} s"
                if late
                else "stopped answering"
            )
            raise MontageError(
                ErrorCode.CLIP_FETCH_FAILED, f"{name}: the server {why}", url=name
            ) from error
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.UnsupportedProtocol,
            httpx.HTTPError,
        ) as error:
            raise MontageError(
                ErrorCode.CLIP_FETCH_FAILED, f"{name} could not be fetched: {error}", url=name
            ) from error
        except httpx.InvalidURL as error:
            raise PermanentError(
                ErrorCode.CLIP_BAD_URL,
                f"{name} is not an address that can be fetched: {error}",
                url=name,
            ) from error

    def _received(self, url: str, response: httpx.Response, wanted: _Wanted) -> _Arrival:
        """Stream the body into a part, hashing as it comes; refuse it as soon as it can be told
        that it will not do.
        """
        announced = response.headers.get("content-length", "")
        if announced.isdigit():
            _refuse_size(url, int(announced), wanted)
        part = self._cache.new_part()
        digest = hashlib.sha256()
        size = 0
        head = b""
        sniffed = False
        content_type = response.headers.get("content-type", "")
        try:
            with part.open("wb") as file:
                for chunk in response.iter_raw(_CHUNK_BYTES):
                    size += len(chunk)
                    _refuse_size(url, size, wanted)
                    if not sniffed:
                        head += chunk[: HEAD_BYTES - len(head)]
                        if len(head) >= HEAD_BYTES:
                            _naming(url, head, content_type, wanted)
                            sniffed = True
                    digest.update(chunk)
                    file.write(chunk)
            if not sniffed:
                _naming(url, head, content_type, wanted)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        etag = response.headers.get("etag", "")
        return _Arrival(part, digest.hexdigest(), size, etag)

    def _cached(self, url: str, version: str) -> FetchedClip | None:
        known = self._cache.source(url)
        if (
            known is None
            or known.version != version
            or (held := self._cache.hold(known.sha256)) is None
        ):
            return None
        return FetchedClip(
            url=url, path=held, sha256=known.sha256, bytes=known.bytes, version=version
        )

    def _kept(self, url: str, arrival: _Arrival) -> FetchedClip:
        try:
            path = self._cache.keep(arrival.part, arrival.sha256)
            self._cache.remember(
                url,
                CachedSource(sha256=arrival.sha256, bytes=arrival.bytes, version=arrival.version),
            )
        except OSError as error:
            raise _disk_trouble(error) from error
        return FetchedClip(
            url=url, path=path, sha256=arrival.sha256, bytes=arrival.bytes, version=arrival.version
        )

    def _refuse_url(self, url: str) -> None:
        """Checked for the address given and again for every redirect."""
        parts = _split(url)
        if parts.scheme != "https" and not (
            parts.scheme == "http" and self._settings.fetch_private_hosts
        ):
            raise PermanentError(
                ErrorCode.CLIP_BAD_URL,
                f"{shown_url(url)}: only https:// addresses are fetched",
                url=shown_url(url),
            )
        if not parts.hostname:
            raise PermanentError(
                ErrorCode.CLIP_BAD_URL, f"{shown_url(url)} names no host", url=shown_url(url)
            )
        if parts.username or parts.password:
            raise PermanentError(
                ErrorCode.CLIP_BAD_URL,
                f"{shown_url(url)}: addresses with a user name or password in them are not fetched",
            )


def _refuse_size(url: str, size: int, wanted: _Wanted) -> None:
    if size > wanted.limit_bytes:
        message = f"{shown_url(url)} is larger than {wanted.limit_bytes / 1e6:,.1f} MB, the limit for {wanted.what}"
        raise PermanentError(
            ErrorCode.CLIP_TOO_LARGE, message, url=shown_url(url), limit_bytes=wanted.limit_bytes
        )


def _changed(url: str) -> PermanentError:
    message = f"{shown_url(url)} now holds another file than the one that was analysed; ask for a new montage"
    return PermanentError(ErrorCode.CLIP_CHANGED, message, url=shown_url(url))


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise PermanentError(
            ErrorCode.CLIP_BAD_URL, f"{shown_url(url)} is not a valid address: {error}"
        ) from error
    return parts


def _naming(url: str, head: bytes, content_type: str, wanted: _Wanted) -> None:
    """Sniff, with the file named in the error."""
    try:
        wanted.refuse_head(head, content_type)
    except PermanentError as error:
        raise PermanentError(
            error.code, f"{shown_url(url)}: {error.message}", url=shown_url(url)
        ) from None


def _refuse_status(name: str, status: int) -> None:
    if status == 200:
        return
    if status in (404, 410):
        raise PermanentError(
            ErrorCode.CLIP_NOT_FOUND,
            f"{name}: the server has no such file (HTTP {status})",
            url=name,
            status=status,
        )
    if status in (401, 403):
        message = f"{name}: the server does not let us read it (HTTP {status}); the link may have expired or need a login"
        raise PermanentError(ErrorCode.CLIP_REFUSED, message, url=name, status=status)
    if status >= 500 or status in _TRY_LATER:
        raise MontageError(
            ErrorCode.CLIP_FETCH_FAILED,
            f"{name}: the server failed (HTTP {status})",
            url=name,
            status=status,
        )
    raise PermanentError(
        ErrorCode.CLIP_REFUSED,
        f"{name}: the server answered HTTP {status}",
        url=name,
        status=status,
    )


def _disk_trouble(error: OSError) -> MontageError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    why = "the disk is full" if full else str(error)
    return MontageError(
        ErrorCode.CLIP_CACHE_FULL if full else ErrorCode.CLIP_CACHE_FAILED,
        f"the clip cache cannot be written: {why}",
    )
