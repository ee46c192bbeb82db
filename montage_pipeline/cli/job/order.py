"""A Reel as a person at a terminal orders it: clips and music are files.

Belongs here: turning an order into a request, and refusing what shows without reading a clip. Does
not belong here: carrying it out (local_job).
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from montage_pipeline.cli.files import given_clips
from montage_pipeline.cli.options import as_typed
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.names import printable
from montage_pipeline.records import Record
from montage_pipeline.requests.model import (
    NewContentItem,
)
from montage_pipeline.requests.options import (
    MAX_CAPTION_CHARS,
    MAX_PROMPT_CHARS,
    MontageOptions,
    refuse_contradictions,
)
from montage_pipeline.vocabulary import Format, Look


class LocalWishes(Record):
    """`MontageOptions` as a person at this machine gives them: clips and music are files.

    `music` may also be an https:// address.
    """

    hook_clip: Path | None = None
    must_use: tuple[Path, ...] = ()
    exclude: tuple[Path, ...] = ()
    music: str | None = None
    target_bpm: int | None = None
    captions: str | None = None
    look: Look = Look.MATCHED
    short_cuts: bool = False
    prompt: str | None = None
    keep_music: bool = False

    def as_options(self, clips: Sequence[Path] = ()) -> MontageOptions:
        """With file:// addresses; a clip is named as it is in `clips`, however it is spelt here.

        Raises PermanentError: NO_SUCH_MUSIC when there is no such file, CAPTION_TOO_LONG,
        CAPTION_EMPTY, PROMPT_TOO_LONG, PROMPT_EMPTY.
        """
        refuse_caption(self.captions)

        def named(path: Path) -> str:
            return _address(next((clip for clip in clips if _same(clip, path)), path))

        return MontageOptions(
            hook_clip=None if self.hook_clip is None else named(self.hook_clip),
            must_use=tuple(dict.fromkeys(map(named, self.must_use))),
            exclude=tuple(dict.fromkeys(map(named, self.exclude))),
            music_url=None if self.music is None else music_address(self.music),
            target_bpm=self.target_bpm,
            captions=self.captions,
            look=self.look,
            short_cuts=self.short_cuts,
            prompt=_prompt(self.prompt),
            keep_music=self.keep_music,
        )


class LocalOrder(Record):
    """A Reel as a person at this machine orders it; a folder stands for the videos in it.

    With more than one of `variants` the item is only planned, until one of them is chosen; what is
    rendered is delivered in `format`, and in `formats` too, or is a `preview`.
    """

    title: str
    clips: tuple[Path, ...]
    style: str
    format: Format
    duration_s: int
    wishes: LocalWishes = LocalWishes()
    formats: tuple[Format, ...] = ()
    preview: bool = False
    variants: int = 1

    def as_item(self) -> NewContentItem:
        """With file:// addresses.

        Raises PermanentError for whatever shows without reading a clip: files that are not there
        (NO_SUCH_CLIP), wishes that contradict each other, a caption that cannot be drawn.
        """
        clips = given_clips(self.clips).clips
        clip_urls, options = tuple(map(_address, clips)), self.wishes.as_options(clips)
        as_what: dict[str, Any] = {"preview": self.preview, "formats": self.formats}
        if self.variants > 1:
            as_what = {"variants": self.variants, "plan_only": True}
        options = options.model_copy(update=as_what)
        refuse_contradictions(clip_urls, options, called=as_typed)
        if options.captions:
            from montage_pipeline.captions.layout import refuse_unfit

            for shape in (self.format, *self.formats):
                refuse_unfit(options.captions, shape)
        return NewContentItem(
            title=self.title,
            clip_urls=clip_urls,
            style=self.style,
            format=self.format,
            duration_s=self.duration_s,
            options=options,
        )

    @property
    def sources(self) -> tuple[Path, ...]:
        """Every file of the person's that the order names: none of them is ever written."""
        wishes = self.wishes
        music = () if wishes.music is None else (Path(wishes.music),)
        hook = () if wishes.hook_clip is None else (wishes.hook_clip,)
        clips = given_clips(self.clips).clips
        return (*clips, *hook, *wishes.must_use, *wishes.exclude, *music)


def refuse_caption(caption: str | None) -> None:
    """Raises PermanentError CAPTION_EMPTY or CAPTION_TOO_LONG."""
    if caption is None:
        return
    if not caption.strip():
        raise PermanentError(
            ErrorCode.CAPTION_EMPTY, "The caption is empty; leave --captions out for none."
        )
    if len(caption) > MAX_CAPTION_CHARS:
        raise PermanentError(
            ErrorCode.CAPTION_TOO_LONG,
            f"The caption has {len(caption)} characters; at most {MAX_CAPTION_CHARS} are drawn.",
        )


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _prompt(prompt: str | None) -> str | None:
    """The prompt on one line."""
    if prompt is None:
        return None
    line = " ".join(prompt.split())
    if not line:
        raise PermanentError(
            ErrorCode.PROMPT_EMPTY, "The prompt is empty; leave --prompt out for none."
        )
    if len(line) > MAX_PROMPT_CHARS:
        raise PermanentError(
            ErrorCode.PROMPT_TOO_LONG,
            f"The prompt has {len(line)} characters; at most {MAX_PROMPT_CHARS} are read.",
        )
    return line


def _address(path: Path) -> str:
    """With the name that the person knows: what a link points to may be called anything."""
    return Path(os.path.abspath(path)).as_uri()


def music_address(music: str) -> str:
    """Of a file or an address; PermanentError(NO_SUCH_MUSIC) when there is no such file."""
    if music.startswith(("https://", "http://", "s3://")):
        return music
    if not Path(music).is_file():
        raise PermanentError(
            ErrorCode.NO_SUCH_MUSIC,
            f"There is no file {printable(music)}. Name a music file or an https:// address.",
        )
    return _address(Path(music))
