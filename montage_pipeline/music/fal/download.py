"""Fetches the audio file of a finished job.

Only from public hosts, within a size and a time, and only if it is audio.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from random import uniform

import av
import httpcore
import httpx

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.footage.fetching.address import GuardedTransport
from montage_pipeline.media.isolation.calls import isolated
from montage_pipeline.media.isolation.limits import Budget
from montage_pipeline.media.opening import SOUND_FORMATS, open_media
from montage_pipeline.music.listening import MAX_LISTENING_S

MAX_BYTES = 200_000_000
"""Ten minutes of 48 kHz stereo in 24 bits are 173 MB; no model makes that much."""

TIMEOUT_S = 90.0
"""For one download attempt from first to last byte."""

_IDLE_TIMEOUT_S = 20.0
_ATTEMPTS = 3
_GONE_STATUSES = (403, 404, 410)
"""Object stores answer 403 for a missing file to those who may not list the folder."""

_CONTAINERS = {
    "wav": ("wav", "audio/wav"),
    "mp3": ("mp3", "audio/mpeg"),
    "flac": ("flac", "audio/flac"),
    "ogg": ("ogg", "audio/ogg"),
    "mov": ("m4a", "audio/mp4"),
    "aac": ("aac", "audio/aac"),
}
"""Our suffix and content type by FFmpeg's name of the container."""

_PASSING_FAULTS = (
    httpx.HTTPError,
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
)


class AudioGone(Exception):
    """The file is not there, however often it is asked for: music that was paid for is not given up
    for one 404.
    """


@dataclass(frozen=True)
class AudioDownload:
    """Downloads audio files into `folder`.

    `allow_private` permits private hosts and plain http. `pause_s` is the shortest pause between
    attempts. `http_transport` replaces the network, for tests.
    """

    folder: Path
    allow_private: bool
    pause_s: float
    http_transport: httpx.BaseTransport | None = None

    def fetch(self, url: str) -> tuple[Path, str]:
        """Store the file as `music.<ext>`; its path and its content type.

        Raises AudioGone for a file that no longer exists, MontageError `music_download_failed` when
        the network does not give it, `music_delivery_broken` when it holds no sound.
        """
        if not self._is_allowed(url):
            raise MontageError(
                ErrorCode.MUSIC_DOWNLOAD_FAILED,
                f"fal gave an address that is not https: {url[:200]}",
            )
        partial = self.folder / "music.part"
        failure: Exception | None = None
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(self.pause_s * 2**attempt * uniform(0.75, 1.25))
            try:
                self._attempt(url, partial)
            except (*_PASSING_FAULTS, AudioGone) as error:
                failure = error
                continue
            return _as_audio(partial, self.folder)
        if isinstance(failure, AudioGone):
            raise failure
        raise MontageError(
            ErrorCode.MUSIC_DOWNLOAD_FAILED,
            f"The music from fal could not be downloaded: {failure}",
            host=httpx.URL(url).host,
        ) from failure

    def _is_allowed(self, url: str) -> bool:
        return url.startswith("https://") or (self.allow_private and url.startswith("http://"))

    def _attempt(self, url: str, partial: Path) -> None:
        deadline_s = time.monotonic() + TIMEOUT_S
        transport = self.http_transport or GuardedTransport(
            allow_private=self.allow_private, deadline_s=deadline_s
        )
        try:
            _stream(url, partial, transport, deadline_s)
        finally:
            if self.http_transport is None:
                transport.close()


def _stream(url: str, partial: Path, transport: httpx.BaseTransport, deadline_s: float) -> None:
    with (
        httpx.Client(
            transport=transport, timeout=_IDLE_TIMEOUT_S, follow_redirects=True, max_redirects=3
        ) as client,
        client.stream("GET", url) as answer,
    ):
        if answer.status_code in _GONE_STATUSES:
            raise AudioGone(f"HTTP {answer.status_code}")
        answer.raise_for_status()

        received = 0
        with partial.open("wb") as file:
            for block in answer.iter_bytes():
                received += len(block)
                if received > MAX_BYTES:
                    raise MontageError(
                        ErrorCode.MUSIC_DOWNLOAD_FAILED,
                        f"The music from fal is larger than {MAX_BYTES} bytes.",
                    )
                if time.monotonic() > deadline_s:
                    raise httpx.ReadTimeout(f"not finished after {TIMEOUT_S:g} s")
                file.write(block)


def _as_audio(partial: Path, folder: Path) -> tuple[Path, str]:
    """The downloaded file under the name of its kind. MontageError `music_delivery_broken`."""
    try:
        container_names = isolated(Budget(MAX_LISTENING_S), None, _names_of_decodable, partial)
    except PermanentError as error:
        raise MontageError(
            ErrorCode.MUSIC_DELIVERY_BROKEN, f"What fal delivered is not audio: {error.message}"
        ) from error
    if container_names is None:
        raise MontageError(ErrorCode.MUSIC_DELIVERY_BROKEN, "What fal delivered holds no sound.")

    for name, (suffix, content_type) in _CONTAINERS.items():
        if name in container_names:
            return partial.replace(folder / f"music.{suffix}"), content_type
    raise MontageError(
        ErrorCode.MUSIC_DELIVERY_BROKEN,
        "What fal delivered is audio in a container this pipeline does not know.",
    )


def _names_of_decodable(path: Path) -> list[str] | None:
    """FFmpeg's names of the container, None when not one frame of audio can be decoded.

    PermanentError `audio_unreadable` when it is no media file.
    """
    try:
        with open_media(path, SOUND_FORMATS) as container:
            if not container.streams.audio:
                return None
            if next(container.decode(container.streams.audio[0]), None) is None:
                return None
            return container.format.name.split(",")
    except av.FFmpegError as error:
        raise PermanentError(ErrorCode.AUDIO_UNREADABLE, str(error)) from error
