"""The wire under the fal client: one POST per submission, no hidden retries, any address.

fal's client repeats every call up to ten times, the paid submission too, so that a lost reply would
buy the same job again. The transport here turns each failure into a `QueueFault`, which the client
does not know and therefore does not retry; the caller decides.
"""

import json
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, NamedTuple

import fal_client
import fal_client.client
import httpx

from montage_pipeline.costs.retry_after import retry_after_s
from montage_pipeline.costs.sending import watch
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.logs import get_logger

FAL_QUEUE_HOST = "queue.fal.run"

_CONNECT_TIMEOUT_S = 10.0
_POLL_TIMEOUT_S = 20.0
"""A poll is free and can be repeated, so it is given up early."""
_SUBMIT_TIMEOUT_S = 60.0
"""A submission given up may have been charged all the same, so its reply is waited for longer."""

_MAX_ERROR_TEXT = 500
"""Characters kept of an error answer that is not JSON, such as a gateway's HTML page."""

_PASSING_STATUSES = (400, 408, 409, 425, 429)
"""Client errors that say nothing of the job: too early (400 while it runs), too many, too slow."""

_log = get_logger(__name__)

_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class QueueFault(Exception):
    """A call to the queue that failed.

    `kind` is `unreached` (nothing was sent), `cut` (sent, but no complete answer came back) or
    `refused` (an answer with an HTTP error, in `status`, `headers` and `detail`).
    """

    def __init__(
        self,
        kind: Literal["unreached", "cut", "refused"],
        reason: str,
        *,
        status: int = 0,
        headers: httpx.Headers | None = None,
        body: Any = None,
    ) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.status = status
        self.headers = headers or httpx.Headers()
        self.body = body

    @property
    def is_refusal(self) -> bool:
        """Whether the model itself refuses the job, for good: not a gateway on the way, and not a
        server that cannot hand over now what it has.
        """
        from_the_model = "x-fal-error-type" in self.headers or (
            isinstance(self.body, dict) and "detail" in self.body
        )
        passing = self.status >= 500 or self.status in _PASSING_STATUSES
        return self.kind == "refused" and from_the_model and not passing

    @property
    def detail(self) -> Any:
        """What the answer says is wrong: text, or fal's list of invalid fields."""
        return self.body.get("detail", self.body) if isinstance(self.body, dict) else self.body

    @property
    def retry_after_s(self) -> float | None:
        """The Retry-After header in seconds, whether it names a delay or a time."""
        return retry_after_s(self.headers)


class QueueTransport(httpx.BaseTransport):
    """Sends to `queue_url` whatever the client addresses to fal's queue, each request once.

    `billable_units` is the last x-fal-billable-units seen. fal sends it with the result, also with
    that of a failed job.
    """

    def __init__(self, queue_url: str, inner: httpx.BaseTransport) -> None:
        self._base = httpx.URL(queue_url.rstrip("/"))
        self._inner = inner
        self.billable_units: Decimal | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The complete answer. Raises QueueFault for anything but success."""
        request.url = self._address(request.url)
        request.headers["Host"] = request.url.netloc.decode("ascii")
        timeout_s = _SUBMIT_TIMEOUT_S if request.method == "POST" else _POLL_TIMEOUT_S
        timeout = httpx.Timeout(timeout_s, connect=_CONNECT_TIMEOUT_S)
        request.extensions["timeout"] = timeout.as_dict()

        if request.method == "POST":
            watch(request.extensions)  # only a submission is paid for

        response = self._answer(request)
        self._note_units(response)
        if response.status_code >= 300:
            raise QueueFault(
                "refused",
                f"HTTP {response.status_code}",
                status=response.status_code,
                headers=response.headers,
                body=_body(response),
            )
        return response

    def _answer(self, request: httpx.Request) -> httpx.Response:
        try:
            response = self._inner.handle_request(request)
            response.request = request
            response.read()
        except _NEVER_SENT as error:
            raise QueueFault(
                "unreached", f"{request.url.host} cannot be reached: {error}"
            ) from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise QueueFault(
                "cut",
                f"the connection to {request.url.host} broke: {error or type(error).__name__}",
            ) from error
        return response

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()

    def _address(self, url: httpx.URL) -> httpx.URL:
        """Where a call really goes. PermanentError `music_foreign_host` for any other host."""
        fal_hosts = {FAL_QUEUE_HOST, httpx.URL(fal_client.client.QUEUE_URL_FORMAT).host}
        if url.host in fal_hosts:
            path = self._base.raw_path.rstrip(b"/") + url.raw_path
            return url.copy_with(
                scheme=self._base.scheme, host=self._base.host, port=self._base.port, raw_path=path
            )
        configured = (self._base.scheme, self._base.host, self._base.port)
        if (url.scheme, url.host, url.port) != configured:
            # Every request carries the key, so no answer may send it elsewhere.
            raise PermanentError(
                ErrorCode.MUSIC_FOREIGN_HOST,
                f"fal's queue points to {url.host}, which is not the configured FAL_QUEUE_URL.",
                host=url.host,
            )
        return url

    def _note_units(self, response: httpx.Response) -> None:
        value = response.headers.get("x-fal-billable-units")
        if value is None:
            return
        try:
            units = Decimal(value.strip())
        except InvalidOperation:
            units = Decimal(-1)
        if units.is_finite() and units >= 0:
            self.billable_units = units
        else:
            _log.warning("billable_units_unreadable", value=value)


def _body(response: httpx.Response) -> Any:
    """The answer's JSON, or the beginning of its text."""
    try:
        return response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return response.text[:_MAX_ERROR_TEXT]


def refusal_of(fault: QueueFault) -> MontageError:
    """The pipeline's error for a call that fal refused."""
    answer = f"HTTP {fault.status}: {fault.detail}"
    if fault.status in (401, 403):
        return PermanentError(
            ErrorCode.FAL_REFUSED_KEY,
            f"fal refuses the key or the account ({answer}). Check FAL_KEY and the balance.",
            status=fault.status,
        )
    if fault.status == 429:
        return MontageError(
            ErrorCode.MUSIC_RATE_LIMITED,
            f"fal asks to slow down ({answer}).",
            retry_after_s=fault.retry_after_s,
        )
    if fault.status >= 500:
        return MontageError(
            ErrorCode.MUSIC_UNAVAILABLE, f"fal is not available ({answer}).", status=fault.status
        )
    return PermanentError(
        ErrorCode.MUSIC_REJECTED, f"fal rejects the music order ({answer}).", status=fault.status
    )


def is_loopback(url: str) -> bool:
    """Whether a URL names this machine: a test server or a local gateway."""
    return httpx.URL(url).host in ("127.0.0.1", "localhost", "::1")


class Connection(NamedTuple):
    """A fal client and the transport it speaks through. Close the transport when done."""

    client: fal_client.SyncClient
    transport: QueueTransport


def connect(key: str, queue_url: str, http_transport: httpx.BaseTransport | None) -> Connection:
    """Connect to the queue at `queue_url`. `http_transport` replaces the network, for tests."""
    inner = http_transport or _network(queue_url)
    transport = QueueTransport(queue_url, inner)
    client = fal_client.SyncClient(key=key)
    # The client builds its httpx client lazily in this slot and offers no other way in.
    client.__dict__["_client"] = httpx.Client(
        transport=transport,
        headers={"Authorization": f"Key {key}", "User-Agent": fal_client.client.USER_AGENT},
        follow_redirects=False,
    )
    return Connection(client, transport)


def _network(queue_url: str) -> httpx.BaseTransport:
    if is_loopback(queue_url):
        return httpx.HTTPTransport()
    # fal's own transport knows its backup domains and the proxies of the environment.
    return fal_client.client.BackupDomainTransport()
