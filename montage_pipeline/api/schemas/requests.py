"""The bodies that clients send."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StrictInt

from montage_pipeline.api.schemas.base import ApiModel, Whole
from montage_pipeline.requests.model import MAX_TITLE_CHARS, NewContentItem
from montage_pipeline.requests.options import (
    MAX_CAPTION_CHARS,
    MAX_PROMPT_CHARS,
    MAX_TARGET_BPM,
    MIN_TARGET_BPM,
    MontageOptions,
)
from montage_pipeline.requests.variants.model import MAX_VARIANTS
from montage_pipeline.rules import MAX_CLIPS, MAX_DURATION_S, MIN_DURATION_S
from montage_pipeline.styles import StyleName
from montage_pipeline.vocabulary import ContentType, Format, Look

MAX_URL_CHARS = 4096
"""Presigned URLs of the large clouds have up to about 2000 characters."""

MAX_FILE_NAME_CHARS = 255
"""What common file systems allow."""

_CONTROLS = r"\x00-\x1f\x7f-\x9f"
_CONTROL_CHARACTERS = re.compile(f"[{_CONTROLS}]")


def _without_controls(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("has half of a character (a lone UTF-16 surrogate)") from None
    # Not str.isprintable(): the joiners inside emoji and the thin spaces in file names are fine.
    if _CONTROL_CHARACTERS.search(text):
        raise ValueError("must not contain control characters or line breaks")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank; leave it out instead")
    return text.strip()


def _documented(pattern: str) -> Any:
    """A pattern in the document alone: the validators beside it say in words what is wrong."""
    return Field(json_schema_extra={"pattern": pattern})


_NoControls = AfterValidator(_without_controls)
_NotBlank = AfterValidator(_not_blank)
_LINE = _documented(rf"^[^{_CONTROLS}]*$")
_FILLED_LINE = _documented(rf"^[^{_CONTROLS}]*[^\s{_CONTROLS}][^{_CONTROLS}]*$")

_Url = Annotated[str, Field(min_length=1, max_length=MAX_URL_CHARS), _NoControls, _LINE]
_Urls = Annotated[list[_Url], Field(max_length=MAX_CLIPS)]
_FILE_URL = _documented(rf"^(https?|s3)://[^\s\\{_CONTROLS}]+$")
FileUrl = Annotated[_Url, _FILE_URL]
"""The address of a clip, or of music."""

_FileUrls = Annotated[list[FileUrl], Field(max_length=MAX_CLIPS)]
_Title = Annotated[str, Field(max_length=MAX_TITLE_CHARS), _NoControls, _NotBlank, _FILLED_LINE]
Captions = Annotated[str, Field(max_length=MAX_CAPTION_CHARS), _NoControls, _NotBlank, _FILLED_LINE]
"""Text to draw on the frame, in one line."""

_Prompt = Annotated[str, Field(max_length=MAX_PROMPT_CHARS), _NoControls, _NotBlank, _FILLED_LINE]
_Bpm = Annotated[StrictInt, Field(ge=MIN_TARGET_BPM, le=MAX_TARGET_BPM), Whole]
_FileName = Annotated[str, Field(min_length=1, max_length=MAX_FILE_NAME_CHARS), _NoControls, _LINE]


class WishesBody(ApiModel):
    """What may be wished for beside clips, style, format and length.

    Clips are named as in `clipUrls`.
    """

    hook_clip: _Url | None = Field(None, description="The clip that opens the Reel.")
    must_use: _Urls = Field(default_factory=list, description="Clips that must appear in the Reel.")
    exclude: _Urls = Field(
        default_factory=list,
        description="Clips that must not be used; at least one has to be left.",
    )
    music_url: FileUrl | None = Field(
        None,
        description="Your own music instead of composed music: an https:// URL, or a `clipUrl` "
        "of POST /api/uploads. It must be at least as long as the Reel.",
    )
    target_bpm: _Bpm | None = Field(
        None,
        description="Tempo to compose at, in beats per minute; with `musicUrl`, the tempo you "
        "expect it to have.",
    )
    captions: Captions | None = Field(None, description="Text drawn on the opening, in any script.")
    look: Look = Field(
        Look.MATCHED,
        description="`matched` brings exposure and white balance of the segments towards each "
        "other, and gives them the look of the style; `asShot` leaves colours as they are.",
    )
    short_cuts: bool = Field(
        False,
        description="Clips that are too short for a cut of 3 s may be shown for 1.2 s or more, in "
        "at most one segment of three.",
    )
    prompt: _Prompt | None = Field(
        None,
        description='What you would like to see or not to see, in your words, as in "sunset, the '
        'dog, no faces". Claude goes by it; without Claude, a warning says that nobody did.',
    )

    keep_music: bool = Field(
        False,
        description="The music of this item's earlier Reel, or of an earlier one of the same "
        "clips, instead of new music; nothing is bought for it.",
    )
    variants: Annotated[
        StrictInt,
        Field(
            ge=1,
            le=MAX_VARIANTS,
            description="How many clearly different edits to plan; the first is rendered.",
        ),
        Whole,
    ] = 1
    plan_only: bool = Field(
        False,
        description="Stop when the edits are planned: nothing is rendered before one is chosen.",
    )
    preview: bool = Field(False, description="Render a draft of half the size instead of the Reel.")
    formats: list[Format] = Field(
        default_factory=list,
        max_length=len(Format),
        description="Shapes to deliver besides `format`: the same edit, framed for each.",
    )

    def as_options(self) -> MontageOptions:
        """The wishes as the rooms below take them."""
        return MontageOptions(
            hook_clip=self.hook_clip,
            must_use=tuple(dict.fromkeys(self.must_use)),
            exclude=tuple(dict.fromkeys(self.exclude)),
            music_url=self.music_url,
            target_bpm=self.target_bpm,
            captions=self.captions,
            look=self.look,
            short_cuts=self.short_cuts,
            prompt=self.prompt,
            keep_music=self.keep_music,
            variants=self.variants,
            plan_only=self.plan_only,
            preview=self.preview,
            formats=tuple(dict.fromkeys(self.formats)),
        )


class NewContentItemBody(WishesBody):
    """A Reel to make from these clips."""

    type: ContentType = Field(description="What to make.")
    title: _Title | None = Field(None, description="Shown in the library.")
    clip_urls: _FileUrls = Field(
        min_length=1, description="Raw clips: https:// URLs, or `clipUrl`s of POST /api/uploads."
    )
    style: StyleName = Field(description="How the edit and the music should feel.")
    format: Format = Field(
        description="Shape: reel 1080×1920, feed 1080×1350, square 1080×1080, landscape 1920×1080."
    )
    duration_sec: Annotated[
        StrictInt,
        Field(
            ge=MIN_DURATION_S,
            le=MAX_DURATION_S,
            description="Length of the finished Reel, in seconds.",
        ),
        Whole,
    ]

    def as_document(self) -> NewContentItem:
        """The item as the rooms below take it."""
        return NewContentItem(
            type=self.type,
            title=self.title,
            clip_urls=tuple(self.clip_urls),
            style=self.style,
            format=self.format,
            duration_s=self.duration_sec,
            options=self.as_options(),
        )


class ItemChangesBody(ApiModel):
    """What to change of an item; what is left out stays."""

    title: _Title | None = Field(
        None, description="Shown in the library; null removes it.", examples=["Sunday by the sea"]
    )


class UploadBody(ApiModel):
    """A clip, or the user's own music, about to be uploaded."""

    file_name: _FileName = Field(
        description="Name of the person's file. Letters and digits of every script, dots, dashes "
        "and underscores are kept."
    )
    content_type: str = Field(
        pattern=r"^(video|audio)/[A-Za-z0-9][A-Za-z0-9.+-]{0,99}$",
        description="Its type; the PUT must send the same.",
        examples=["video/mp4"],
    )
    bytes: Annotated[
        StrictInt, Field(ge=1, description="Its exact size; the PUT must send as many."), Whole
    ]
