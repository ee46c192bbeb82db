"""The choices and limits of this installation, as a form needs them."""

from typing import Self

from pydantic import Field

from montage_pipeline.api.schemas.base import ApiModel
from montage_pipeline.requests.model import MAX_TITLE_CHARS
from montage_pipeline.requests.options import (
    MAX_CAPTION_CHARS,
    MAX_PROMPT_CHARS,
    MAX_TARGET_BPM,
    MIN_TARGET_BPM,
)
from montage_pipeline.rules import (
    HOOK_S,
    MAX_DURATION_S,
    MIN_DURATION_S,
    SAFE_MARGINS,
)
from montage_pipeline.settings import Settings
from montage_pipeline.styles import STYLES
from montage_pipeline.styles.model import Style
from montage_pipeline.vocabulary import Format


class StyleOut(ApiModel):
    """How the edit and the music should feel."""

    name: str
    brief: str = Field(description="What the style looks for, in a line.")
    calm_bpm: int = Field(description="Tempo of its music for the calmest footage.")
    lively_bpm: int = Field(description="Tempo of its music for the liveliest footage.")


class SafeAreaOut(ApiModel):
    """What the app lays its own text and buttons over, as shares of the frame's sides."""

    top: float
    bottom: float
    sides: float


class FormatOut(ApiModel):
    """Shape of the Reel's frames."""

    name: Format
    width: int
    height: int
    covered: SafeAreaOut


class LimitsOut(ApiModel):
    """What a request must keep within; lengths in seconds, sizes in bytes."""

    min_duration_sec: int
    max_duration_sec: int
    max_clips: int
    max_clip_bytes: int
    max_music_bytes: int
    max_title_chars: int
    max_caption_chars: int
    max_prompt_chars: int
    min_target_bpm: int
    max_target_bpm: int


class OptionsOut(ApiModel):
    """The choices and limits of this installation."""

    styles: list[StyleOut]
    formats: list[FormatOut]
    limits: LimitsOut
    hook_sec: float = Field(description="Length of the opening, in seconds.")

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """What `settings` allow."""
        return cls(
            styles=[_style(style) for style in STYLES.values()],
            formats=[_format(shape) for shape in Format],
            limits=_limits(settings),
            hook_sec=float(HOOK_S),
        )


def _style(style: Style) -> StyleOut:
    calm_bpm, lively_bpm = style.footage.bpm
    return StyleOut(name=style.name, brief=style.brief, calm_bpm=calm_bpm, lively_bpm=lively_bpm)


def _format(shape: Format) -> FormatOut:
    size, margins = shape.frame_size, SAFE_MARGINS[shape]
    covered = SafeAreaOut(top=margins.top, bottom=margins.bottom, sides=margins.sides)
    return FormatOut(name=shape, width=size.width, height=size.height, covered=covered)


def _limits(settings: Settings) -> LimitsOut:
    return LimitsOut(
        min_duration_sec=MIN_DURATION_S,
        max_duration_sec=MAX_DURATION_S,
        max_clips=settings.max_clips,
        max_clip_bytes=settings.max_clip_bytes,
        max_music_bytes=settings.max_music_bytes,
        max_title_chars=MAX_TITLE_CHARS,
        max_caption_chars=MAX_CAPTION_CHARS,
        max_prompt_chars=MAX_PROMPT_CHARS,
        min_target_bpm=MIN_TARGET_BPM,
        max_target_bpm=MAX_TARGET_BPM,
    )
