"""Fetches the audio file of a finished job: only from public hosts, within a size and a time, and
only if it is audio.
"""

import time
from pathlib import Path

import av
import httpcore
import httpx

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.footage.fetching.address import GuardedTransport

MAX_BYTES = 200_000_000
TIMEOUT_S = 90.0
_ATTEMPTS = 3

_KINDS = {
    "wav": ("wav", "audio/wav"),
    "mp3": ("mp3", "audio/mpeg"),
    "flac": ("flac", "audio/flac"),
    "ogg": ("ogg", "audio/ogg"),
    "mov": ("m4a", "audio/mp4"),
    "aac": ("aac", "audio/aac"),
}
"""FFmpeg's name of the container: our suffix and content type."""


class AudioGone(Exception):
    """The file is not there any more: asking again cannot help."""


def download_audio(
    url: str,
    workdir: Path,
    *,
    allow_private: bool,
    pause_s: float,
    http_transport: httpx.BaseTransport | None = None,
) -> tuple[Path, str]:
    """Store the file as `music.<ext>` in `workdir`; returns the path and its content type.

    Raises AudioGone for a file that no longer exists, MontageError `music_download_failed` when the
    network does not give it, `music_not_audio` when it holds no sound.
    """
    if not (url.startswith("https://") or (allow_private and url.startswith("http://"))):
        raise MontageError(
            ErrorCode.MUSIC_DOWNLOAD_FAILED, f"fal gave an address that is not https: {url[:200]}"
        )
    part = workdir / "music.part"
    failure: Exception | None = None
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(pause_s * 2**attempt)
        deadline_s = time.monotonic() + TIMEOUT_S
        transport = http_transport or GuardedTransport(
            allow_private=allow_private, deadline_s=deadline_s
        )
        try:
            _stream(url, part, transport, deadline_s)
        except (
            httpx.HTTPError,
            httpcore.NetworkError,
            httpcore.TimeoutException,
            httpcore.ProtocolError,
        ) as error:
            failure = error
            continue
        finally:
            if http_transport is None:
                transport.close()
        return _as_audio(part, workdir)
    raise MontageError(
        ErrorCode.MUSIC_DOWNLOAD_FAILED,
        f"The music from fal could not be downloaded: {failure}",
        host=httpx.URL(url).host,
    ) from failure


def _stream(url: str, part: Path, transport: httpx.BaseTransport, deadline_s: float) -> None:
    with (
        httpx.Client(
            transport=transport, timeout=20.0, follow_redirects=True, max_redirects=3
        ) as client,
        client.stream("GET", url) as answer,
    ):
        if answer.status_code in (403, 404, 410):
            raise AudioGone(f"HTTP {answer.status_code}")
        answer.raise_for_status()
        taken = 0
        with part.open("wb") as file:
            for block in answer.iter_bytes():
                taken += len(block)
                if taken > MAX_BYTES:
                    raise MontageError(
                        ErrorCode.MUSIC_DOWNLOAD_FAILED,
                        f"The music from fal is larger than {MAX_BYTES} bytes.",
                    )
                if time.monotonic() > deadline_s:
                    raise httpx.ReadTimeout(f"not finished after {TIMEOUT_S:g} s")
                file.write(block)


def _as_audio(part: Path, workdir: Path) -> tuple[Path, str]:
    try:
        with av.open(str(part), options={"protocol_whitelist": "file"}) as container:
            if not container.streams.audio:
                raise PermanentError(ErrorCode.NO_AUDIO, "no audio stream")
            next(container.decode(container.streams.audio[0]))
            kind = next(
                (
                    known
                    for name, known in _KINDS.items()
                    if name in container.format.name.split(",")
                ),
                None,
            )
    except (av.FFmpegError, StopIteration, PermanentError) as error:
        raise MontageError(
            ErrorCode.MUSIC_DELIVERY_BROKEN, f"What fal delivered is not audio: {error}"
        ) from error
    if kind is None:
        raise MontageError(
            ErrorCode.MUSIC_DELIVERY_BROKEN,
            "What fal delivered is audio in a container this pipeline does not know.",
        )
    suffix, content_type = kind
    return part.replace(workdir / f"music.{suffix}"), content_type
