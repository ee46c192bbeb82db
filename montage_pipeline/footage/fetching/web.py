"""Files of the web: https:// addresses, and http:// ones where settings allow them.

Belongs here: requests and redirects, and what a server's answer means to the user. Does not belong
here: which hosts are allowed (address).
"""

import hashlib
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

import httpcore
import httpx

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.footage.fetching.address import GuardedTransport
from montage_pipeline.footage.fetching.cache import Arrival, ClipCache, cache_failures
from montage_pipeline.footage.fetching.limits import Limits
from montage_pipeline.footage.fetching.sniff import HEAD_BYTES
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.footage.names import clip_name, shown_url
from montage_pipeline.settings import Settings

_CHUNK_BYTES = 1 << 20  # received at a time
_CONNECT_TIMEOUT_S = 10.0
_SILENCE_TIMEOUT_S = 30.0  # longest wait for the next bytes
_REDIRECTS = {301, 302, 303, 307, 308}
_UNCHANGED = 304
_GONE = {404, 410}
_NOT_ALLOWED = {401, 403}
_TRY_LATER = {408, 409, 423, 425, 429}
_USER_AGENT = "montage-pipeline"


class WebSource:
    """Fetches files of the web into the cache."""

    def __init__(self, settings: Settings, cache: ClipCache) -> None:
        self._settings = settings
        self._cache = cache

    def fetch(self, url: str, limits: Limits) -> FetchedClip:
        """The file at an address; a server that knows ETags sends it only when it has changed.

        Raises PermanentError: CLIP_BAD_URL, CLIP_FORBIDDEN_HOST, CLIP_NOT_FOUND, CLIP_REFUSED,
        CLIP_TOO_LARGE or CLIP_NOT_VIDEO; and MontageError for what may pass.
        """
        with self._cache.alone_with(url):
            held = self._cache.remembered(url)
            with cache_failures():
                arrival = self._download(url, held.version if held else "", limits)
            if arrival is not None:
                return self._cache.add(url, arrival)
            if held is not None:
                return held
            raise MontageError(
                ErrorCode.CLIP_FETCH_FAILED,
                f"{clip_name(url)}: the server says it is unchanged, but it was never fetched",
            )

    def _download(self, url: str, version: str, limits: Limits) -> Arrival | None:
        """The file in a new part; None when the source still has `version`."""
        deadline_s = time.monotonic() + self._settings.fetch_timeout_s
        # The transport is driven directly: httpx.Client would log every address with its signature.
        transport = GuardedTransport(
            allow_private=self._settings.fetch_private_hosts, deadline_s=deadline_s
        )
        headers = _headers(version, limits)
        with (
            self._fetch_failures(url, deadline_s),
            transport,
            closing(self._final_response(transport, url, headers)) as answer,
        ):
            if answer.status_code == _UNCHANGED and version:
                return None
            _refuse_status(url, answer.status_code)
            return self._received(url, answer, limits)

    def _final_response(
        self, transport: GuardedTransport, url: str, headers: dict[str, str]
    ) -> httpx.Response:
        """The answer at the end of the redirects; its body is still to be read."""
        timeout = httpx.Timeout(_SILENCE_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S).as_dict()
        max_redirects = self._settings.fetch_max_redirects
        at = url
        for _ in range(max_redirects + 1):
            self.refuse_url(at)
            response = transport.handle_request(
                httpx.Request("GET", at, headers=headers, extensions={"timeout": timeout})
            )
            if response.status_code not in _REDIRECTS or "location" not in response.headers:
                return response
            response.close()
            at = _redirected(at, response.headers["location"])
        raise PermanentError(
            ErrorCode.CLIP_REFUSED,
            f"{clip_name(url)} redirects more than {max_redirects} times; use the final address",
            url=shown_url(url),
        )

    def refuse_url(self, url: str) -> None:
        """Raise PermanentError(CLIP_BAD_URL) for an address that is not fetched.

        Checked for the address given and again for every redirect.
        """
        parts = split_url(url)
        plain_http = parts.scheme == "http" and self._settings.fetch_private_hosts
        if parts.scheme != "https" and not plain_http:
            reason = "only https:// addresses are fetched"
        elif not parts.hostname:
            reason = "the address names no host"
        elif parts.username or parts.password:
            reason = "addresses with a user name or password in them are not fetched"
        else:
            return
        name = shown_url(url)
        raise PermanentError(ErrorCode.CLIP_BAD_URL, f"{name}: {reason}", url=name)

    def _received(self, url: str, response: httpx.Response, limits: Limits) -> Arrival:
        """Stream the body into a part, hashing as it comes; refuse it as early as possible."""
        announced = response.headers.get("content-length", "")
        if announced.isdigit():
            limits.refuse_size(url, int(announced))
        part = self._cache.new_part()
        receipt = _Receipt(url, response.headers.get("content-type", ""), limits)
        try:
            with part.open("wb") as file:
                for chunk in response.iter_raw(_CHUNK_BYTES):
                    receipt.add(chunk)
                    file.write(chunk)
            receipt.end()
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        etag = response.headers.get("etag", "")
        return Arrival(part, receipt.digest.hexdigest(), receipt.size, etag)

    @contextmanager
    def _fetch_failures(self, url: str, deadline_s: float) -> Iterator[None]:
        """Say what a failure of the network or of the server means."""
        name, address = clip_name(url), shown_url(url)
        try:
            yield
        except (httpcore.TimeoutException, httpx.TimeoutException) as error:
            if time.monotonic() >= deadline_s:
                reason = f"took longer than {self._settings.fetch_timeout_s:g} s"
            else:
                reason = "stopped answering"
            raise MontageError(
                ErrorCode.CLIP_FETCH_FAILED, f"{name}: the server {reason}", url=address
            ) from error
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.UnsupportedProtocol,
            httpx.HTTPError,
        ) as error:
            raise MontageError(
                ErrorCode.CLIP_FETCH_FAILED,
                f"{name} could not be fetched: {_in_words(error)}",
                url=address,
            ) from error
        except httpx.InvalidURL as error:
            raise PermanentError(
                ErrorCode.CLIP_BAD_URL,
                f"{address} is not an address that can be fetched: {error}",
                url=address,
            ) from error


@dataclass
class _Receipt:
    """What came of a body so far; it is refused as soon as that is too much, or of another kind."""

    url: str
    content_type: str
    limits: Limits

    def __post_init__(self) -> None:
        self.digest = hashlib.sha256()
        self.size = 0
        self._head = b""
        self._sniffed = False

    def add(self, chunk: bytes) -> None:
        """The next bytes."""
        self.size += len(chunk)
        self.limits.refuse_size(self.url, self.size)
        if not self._sniffed:
            self._head += chunk[: HEAD_BYTES - len(self._head)]
            if len(self._head) >= HEAD_BYTES:
                self._sniff()
        self.digest.update(chunk)

    def end(self) -> None:
        """No more bytes will come."""
        if not self._sniffed:
            self._sniff()

    def _sniff(self) -> None:
        self.limits.refuse_start(self.url, self._head, self.content_type)
        self._sniffed = True


def split_url(url: str) -> SplitResult:
    """The parts of an address. Raises PermanentError(CLIP_BAD_URL) when it is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a port that is no number
        if parts.scheme in ("https", "http"):
            _ = httpx.URL(url).host  # raises for a name that no server could be asked for
    except (ValueError, httpx.InvalidURL) as error:
        raise PermanentError(
            ErrorCode.CLIP_BAD_URL, f"{shown_url(url)} is not a valid address: {error}"
        ) from error
    return parts


def _redirected(at: str, location: str) -> str:
    """Where a redirect leads. Raises PermanentError(CLIP_BAD_URL) when that is no address."""
    try:
        return urljoin(at, location)
    except ValueError as error:
        raise PermanentError(
            ErrorCode.CLIP_BAD_URL, f"{shown_url(at)} redirects to what is no address: {error}"
        ) from error


def _headers(version: str, limits: Limits) -> dict[str, str]:
    headers = {
        "User-Agent": _USER_AGENT,
        "Accept": f"{limits.accept}, application/octet-stream, */*;q=0.5",
        "Accept-Encoding": "identity",
    }
    if version:
        headers["If-None-Match"] = version
    return headers


def _refuse_status(url: str, status: int) -> None:
    """Raise what an answer other than 200 means."""
    if status == 200:
        return
    kind: type[MontageError] = PermanentError
    code = ErrorCode.CLIP_REFUSED
    reason = f"the server answered HTTP {status}"
    if status in _GONE:
        code, reason = ErrorCode.CLIP_NOT_FOUND, f"the server has no such file (HTTP {status})"
    elif status in _NOT_ALLOWED:
        reason = (
            f"the server does not let us read it (HTTP {status}); "
            "the link may have expired or need a login"
        )
    elif status >= 500 or status in _TRY_LATER:
        kind, code = MontageError, ErrorCode.CLIP_FETCH_FAILED
        reason = f"the server failed (HTTP {status})"
    raise kind(code, f"{clip_name(url)}: {reason}", url=shown_url(url), status=status)


def _in_words(error: BaseException) -> str:
    """What went wrong on the network, as a person reads it: without the system's numbers."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the server's certificate is not accepted: {cause.verify_message}"
        # A failed look-up is put into words where it happens.
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, socket.gaierror):
            return cause.strerror.lower()
        cause = cause.__cause__ or cause.__context__
    return str(error) or "the connection broke"
