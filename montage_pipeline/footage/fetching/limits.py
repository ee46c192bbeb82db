"""What a fetched file may be, and what its failures are called, for clips and for music.

Belongs here: size, first bytes, and error codes by kind of file. Does not belong here: telling what
bytes are (sniff), which addresses are fetched (address, web).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.footage.fetching.sniff import refuse_unless_audio, refuse_unless_video
from montage_pipeline.footage.names import clip_name, shown_url
from montage_pipeline.settings import Settings

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


@dataclass(frozen=True)
class Limits:
    """What is fetched, in words and in rules."""

    what: str
    max_bytes: int
    accept: str
    refuse_head: Callable[[bytes, str], None]

    def refuse_size(self, url: str, size: int) -> None:
        """Raise PermanentError(CLIP_TOO_LARGE) when a file has too many bytes."""
        if size > self.max_bytes:
            raise PermanentError(
                ErrorCode.CLIP_TOO_LARGE,
                f"{clip_name(url)} is larger than {self.max_bytes / 1e6:,.1f} MB, "
                f"the limit for {self.what}",
                url=shown_url(url),
                limit_bytes=self.max_bytes,
            )

    def refuse_start(self, url: str, head: bytes, content_type: str = "") -> None:
        """Raise PermanentError, naming the file, unless it starts like one of the right kind.

        `head` is the first sniff.HEAD_BYTES of the file.
        """
        try:
            self.refuse_head(head, content_type)
        except PermanentError as error:
            raise PermanentError(
                error.code, f"{clip_name(url)}: {error.message}", url=shown_url(url)
            ) from None


def clip_limits(settings: Settings) -> Limits:
    """For footage."""
    return Limits("clips", settings.max_clip_bytes, "video/*", refuse_unless_video)


def music_limits(settings: Settings) -> Limits:
    """For the user's own music."""
    return Limits("music", settings.max_music_bytes, "audio/*", refuse_unless_audio)


@contextmanager
def codes_for_music() -> Iterator[None]:
    """Give the failures inside the block the codes that they have for music."""
    try:
        yield
    except MontageError as error:
        kind = MontageError if error.retryable else PermanentError
        code = _CODES_FOR_MUSIC.get(error.code, error.code)
        raise kind(code, error.message, **error.details) from error
