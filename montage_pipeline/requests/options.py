"""What a user may wish of one Reel beyond clips, style, format and length, and which wishes cannot
all come true.

Belongs here: the wishes, and their contradictions that can be told from the request alone.
Does not belong here: what only a look at the clips or the music can tell; that is with the rooms
that look.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pydantic import Field

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.records import Record

MIN_TARGET_BPM = 60
MAX_TARGET_BPM = 180
MAX_CAPTION_CHARS = 100


class MontageOptions(Record):
    """The wishes of one request; each may be left out. Clips are named by their URLs in the
    request.

    `hook_clip` opens the Reel, every clip of `must_use` appears in it, none of `exclude` is even
    fetched. `music_url` is music
    of the user's own, used instead of composed music. `target_bpm` is the tempo of the music to
    compose, or the
    expected tempo of the user's own. `captions` is text drawn on the hook.
    """

    hook_clip: str | None = None
    must_use: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    music_url: str | None = None
    target_bpm: int | None = Field(None, ge=MIN_TARGET_BPM, le=MAX_TARGET_BPM)
    captions: str | None = Field(None, min_length=1, max_length=MAX_CAPTION_CHARS)

    def stored(self) -> dict[str, Any]:
        """As JSON for the database: only what was wished for."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def clips_to_use(self, clip_urls: Sequence[str]) -> tuple[str, ...]:
        """The clips that may be used, each once, in the order given."""
        return tuple(url for url in dict.fromkeys(clip_urls) if url not in self.exclude)

    @property
    def wished_clips(self) -> tuple[str, ...]:
        """The clips that the Reel must show, each once."""
        return tuple(
            dict.fromkeys((*((self.hook_clip,) if self.hook_clip else ()), *self.must_use))
        )


class Contradiction(NamedTuple):
    """Wishes that cannot be granted: a stable code, the option at fault in its own words, and a
    sentence.
    """

    code: ErrorCode
    option: str
    message: str


def contradictions(clip_urls: Sequence[str], options: MontageOptions) -> Iterator[Contradiction]:
    """Every contradiction between these clips and these wishes."""
    known, excluded = set(clip_urls), set(options.exclude)
    if options.hook_clip is not None and options.hook_clip not in known:
        yield Contradiction(
            ErrorCode.HOOK_CLIP_UNKNOWN,
            "hook_clip",
            f"{options.hook_clip} is not one of the clips; name one of them",
        )
    for option, urls in (("must_use", options.must_use), ("exclude", options.exclude)):
        unknown = [url for url in urls if url not in known]
        if unknown:
            message = f"{', '.join(unknown)} {'is' if len(unknown) == 1 else 'are'} not among the clips; name only clips of this request"
            yield Contradiction(ErrorCode[f"{option}_unknown".upper()], option, message)
    if options.hook_clip is not None and options.hook_clip in excluded:
        message = (
            f"{options.hook_clip} is to open the Reel and is excluded; drop one of the two wishes"
        )
        yield Contradiction(ErrorCode.HOOK_CLIP_EXCLUDED, "hook_clip", message)
    both = [url for url in options.must_use if url in excluded]
    if both:
        yield Contradiction(
            ErrorCode.MUST_USE_EXCLUDED,
            "must_use",
            f"{', '.join(both)} must be used and is excluded; drop one of the two wishes",
        )
    if known and known <= excluded:
        yield Contradiction(
            ErrorCode.ALL_CLIPS_EXCLUDED,
            "exclude",
            "every clip is excluded; leave at least one to make the Reel of",
        )


def refuse_contradictions(clip_urls: Sequence[str], options: MontageOptions) -> None:
    """PermanentError with the first contradiction's code; its message and `details["problems"]`
    have all of them.
    """
    found = list(contradictions(clip_urls, options))
    if found:
        told = "; ".join(f"{one.option}: {one.message}" for one in found)
        raise PermanentError(found[0].code, told, problems=[one._asdict() for one in found])
