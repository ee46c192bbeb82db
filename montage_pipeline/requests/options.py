"""What a user may wish for beside clips, style, format and length, and which wishes exclude each
other.

Belongs here: the wishes, and the contradictions that show in the request alone. Does not belong
here: what only the clips or the music can tell; that is with the rooms that read them.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

from pydantic import Field
from pydantic.alias_generators import to_camel

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.records import Record
from montage_pipeline.requests.variants.model import MAX_VARIANTS
from montage_pipeline.vocabulary import Format, Look

MIN_TARGET_BPM = 60
MAX_TARGET_BPM = 180
"""Tempi that the composers play and the beat tracker finds."""

MAX_CAPTION_CHARS = 100
"""About what fits on a hook of 1.7 s at a size that can be read."""

MAX_PROMPT_CHARS = 300
"""A few things to show or to leave out; more is a script, which footage cannot follow."""


class MontageOptions(Record):
    """The wishes of one request; each may be left out.

    Clips are named by their URLs in the request: `hook_clip` opens the Reel, every clip of
    `must_use` appears in it, none of `exclude` is even fetched. `music_url` is the user's own
    music, used instead of composed music. `target_bpm` is the tempo to compose at, or the tempo
    that the user expects their own music to have. `captions` is text drawn on the hook. `look` says
    whether segments are matched to each other in exposure and white balance. `short_cuts` lets
    clips that are too short for a cut be shown for less. `prompt` says in the user's words what
    they would like to see, or not to see.

    `keep_music` has the music of the item's earlier Reel, or of an earlier one of the same clips,
    instead of new music. `variants` is how many clearly different edits are planned; `plan_only`
    stops there. `preview` has a small draft rendered instead of the Reel. `formats` are shapes that
    the edit is delivered in besides the item's own.
    """

    hook_clip: str | None = None
    must_use: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    music_url: str | None = None
    target_bpm: int | None = Field(None, ge=MIN_TARGET_BPM, le=MAX_TARGET_BPM)
    captions: str | None = Field(None, min_length=1, max_length=MAX_CAPTION_CHARS)
    look: Look = Look.MATCHED
    short_cuts: bool = False
    prompt: str | None = Field(None, min_length=1, max_length=MAX_PROMPT_CHARS)
    keep_music: bool = False
    variants: int = Field(1, ge=1, le=MAX_VARIANTS)
    plan_only: bool = False
    preview: bool = False
    formats: tuple[Format, ...] = ()

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
    """Wishes that cannot be granted: a code, the field of `MontageOptions` at fault, a sentence."""

    code: ErrorCode
    option: str
    message: str


def contradictions(
    clip_urls: Sequence[str],
    options: MontageOptions,
    called: Callable[[str], str] = to_camel,
) -> Iterator[Contradiction]:
    """Every contradiction between these clips and these wishes.

    `called` gives the name that the person knows a field of `MontageOptions` by.
    """
    known, excluded = set(clip_urls), set(options.exclude)
    if options.hook_clip is not None and options.hook_clip not in known:
        yield Contradiction(
            ErrorCode.HOOK_CLIP_UNKNOWN,
            "hook_clip",
            f"{_shown(options.hook_clip)} is not one of the clips; name one of them",
        )

    for code, option, urls in (
        (ErrorCode.MUST_USE_UNKNOWN, "must_use", options.must_use),
        (ErrorCode.EXCLUDE_UNKNOWN, "exclude", options.exclude),
    ):
        unknown = [url for url in urls if url not in known]
        if unknown:
            yield Contradiction(
                code,
                option,
                f"{', '.join(map(_shown, unknown))} {_is_or_are(unknown)} not among the clips; "
                "name only clips of this request",
            )

    if options.hook_clip is not None and options.hook_clip in excluded:
        yield Contradiction(
            ErrorCode.HOOK_CLIP_EXCLUDED,
            "hook_clip",
            f"{_shown(options.hook_clip)} is both {called('hook_clip')} and excluded; "
            "drop one of the two wishes",
        )
    both = [url for url in options.must_use if url in excluded]
    if both:
        yield Contradiction(
            ErrorCode.MUST_USE_EXCLUDED,
            "must_use",
            f"{', '.join(map(_shown, both))} {_is_or_are(both)} both in {called('must_use')} and "
            "excluded; drop one of the two wishes",
        )
    if options.keep_music and (options.music_url is not None or options.target_bpm is not None):
        other = "music_url" if options.music_url is not None else "target_bpm"
        yield Contradiction(
            ErrorCode.KEEP_MUSIC_CONTRADICTED,
            "keep_music",
            f"{called(other)} asks for other music than the earlier Reel's; "
            "drop one of the two wishes",
        )
    if options.plan_only and options.preview:
        yield Contradiction(
            ErrorCode.PLAN_ONLY_CONTRADICTED,
            "plan_only",
            f"{called('plan_only')} stops before anything is rendered, and {called('preview')} "
            "asks for a rendered draft; drop one of the two wishes",
        )
    if known and known <= excluded:
        yield Contradiction(
            ErrorCode.ALL_CLIPS_EXCLUDED,
            "exclude",
            "every clip is excluded; leave at least one to make the Reel from",
        )


def _shown(url: str) -> str:
    """An address as it was given; of a file, its path as its owner knows it."""
    if not url.startswith("file://"):
        return url
    return unquote_to_bytes(urlsplit(url).path).decode(errors="backslashreplace")


def _is_or_are(urls: Sequence[str]) -> str:
    return "is" if len(urls) == 1 else "are"


def refuse_contradictions(
    clip_urls: Sequence[str],
    options: MontageOptions,
    called: Callable[[str], str] = to_camel,
) -> None:
    """Raise PermanentError with the first contradiction's code; its message and
    `details["problems"]` name them all. `called` is as in `contradictions`.
    """
    found = list(contradictions(clip_urls, options, called))
    if found:
        message = "; ".join(f"{called(problem.option)}: {problem.message}" for problem in found)
        raise PermanentError(
            found[0].code, message, problems=[problem._asdict() for problem in found]
        )
