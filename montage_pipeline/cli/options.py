"""Options that several commands share, and what wishes are called at a terminal."""

import re
from typing import Annotated
from uuid import UUID

import typer
from pydantic.alias_generators import to_camel

from montage_pipeline.requests.options import (
    MAX_CAPTION_CHARS,
    MAX_PROMPT_CHARS,
    MAX_TARGET_BPM,
    MIN_TARGET_BPM,
    MontageOptions,
)
from montage_pipeline.requests.variants.model import MAX_VARIANTS
from montage_pipeline.rules import MAX_DURATION_S, MIN_DURATION_S
from montage_pipeline.styles import STYLES
from montage_pipeline.vocabulary import Format, Look


def _style(name: str) -> str:
    if name not in STYLES:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(STYLES)}")
    return name


StyleOption = Annotated[
    str,
    typer.Option(
        parser=_style,
        metavar=f"<{'|'.join(STYLES)}>",
        help="How the edit and the music should feel.",
    ),
]
FormatOption = Annotated[
    Format,
    typer.Option(help="reel 1080x1920, feed 1080x1350, square 1080x1080, landscape 1920x1080."),
]
FormatsOption = Annotated[
    list[Format],
    typer.Option(
        "--format",
        help="reel 1080x1920, feed 1080x1350, square 1080x1080, landscape 1920x1080. Given several "
        "times, the same edit is delivered in each, framed anew; the first is planned for.",
    ),
]
VariantsOption = Annotated[
    int,
    typer.Option(
        min=1,
        max=MAX_VARIANTS,
        help="Plan so many clearly different edits, show their storyboards, and ask which of them "
        "to render.",
    ),
]
ChooseOption = Annotated[
    int | None,
    typer.Option(min=1, max=MAX_VARIANTS, help="Which of the --variants to render, unasked."),
]
PreviewOption = Annotated[
    bool, typer.Option("--preview", help="Render a draft of half the size, which is sooner there.")
]
KeepMusicOption = Annotated[
    bool,
    typer.Option(
        "--keep-music", help="The music of your newest Reel of the same clips, not new music."
    ),
]
DurationOption = Annotated[
    int, typer.Option(min=MIN_DURATION_S, max=MAX_DURATION_S, help="Seconds.")
]
MusicOption = Annotated[
    str | None,
    typer.Option(help="Your own music instead of composed music: a file or an https:// address."),
]
TargetBpmOption = Annotated[
    int | None,
    typer.Option(
        min=MIN_TARGET_BPM,
        max=MAX_TARGET_BPM,
        help="Tempo to compose at; with --music, the tempo you expect it to have.",
    ),
]
CaptionsOption = Annotated[
    str | None,
    typer.Option(
        help=f"Text drawn on the opening, in any script, up to {MAX_CAPTION_CHARS} characters."
    ),
]
_LOOKS = {"matched": Look.MATCHED, "as-shot": Look.AS_SHOT}
"""By what people type at a terminal."""


def _look(name: str) -> Look:
    if name not in _LOOKS:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(_LOOKS)}")
    return _LOOKS[name]


LookOption = Annotated[
    Look,
    typer.Option(
        parser=_look,
        metavar=f"<{'|'.join(_LOOKS)}>",
        help="matched: segments are brought towards each other in exposure and white balance; "
        "as-shot: colours stay as they are.",
    ),
]

ShortCutsOption = Annotated[
    bool,
    typer.Option(
        "--short-cuts",
        help="Clips that are too short for a cut of 3 s may be shown for less.",
    ),
]

PromptOption = Annotated[
    str | None,
    typer.Option(
        help="What you would like to see or not to see, in your words; Claude goes by it. Up to "
        f"{MAX_PROMPT_CHARS} characters."
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout; progress goes to stderr.")
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Replace the file of --out if there is one.")
]
UserOption = Annotated[UUID | None, typer.Option(help="User id; by default the local user.")]

_OTHER_NAMES = {"music_url": "--music"}
"""All others are the field's name in dashes."""

_WISHES = {to_camel(field): field for field in MontageOptions.model_fields}
_NAMED_WISH = re.compile(rf"\bthe wish ({'|'.join(_WISHES)})\b(?!\.)")
"""As stored messages name a wish; no file's name is taken for one."""


def as_typed(field: str) -> str:
    """The option that a field of `MontageOptions` is given by."""
    return _OTHER_NAMES.get(field, f"--{field.replace('_', '-')}")


def in_typed_words(message: str) -> str:
    """A stored message, in which wishes are called as in the API, with the options for them."""
    return _NAMED_WISH.sub(lambda found: as_typed(_WISHES[found[1]]), message)
