"""`montage make` and `montage demo`: a Reel from files of this machine."""

import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from montage_pipeline.cli.job import JobOutcome, LocalJob, LocalOrder, LocalWishes
from montage_pipeline.cli.options import (
    CaptionsOption,
    DurationOption,
    FormatOption,
    JsonOption,
    MusicOption,
    PromptOption,
    StyleOption,
    TargetBpmOption,
)
from montage_pipeline.cli.system import running_system
from montage_pipeline.cli.terminal import ProgressView, show_outcome
from montage_pipeline.styles import DEFAULT_STYLE
from montage_pipeline.vocabulary import ContentStatus, Format

_DEMO_STYLE = "travel"
_DEMO_DURATION_S = 10
"""As much as the demo's footage gives without showing anything twice."""


def make(
    clips: Annotated[list[Path], typer.Argument(help="Video files.")],
    style: StyleOption = DEFAULT_STYLE,
    format: FormatOption = Format.REEL,
    duration: DurationOption = 30,
    hook_clip: Annotated[Path | None, typer.Option(help="The clip that opens the Reel.")] = None,
    must_use: Annotated[
        list[Path] | None, typer.Option(help="A clip that must appear; may be given several times.")
    ] = None,
    exclude: Annotated[
        list[Path] | None,
        typer.Option(help="A clip that must not be used; may be given several times."),
    ] = None,
    music: MusicOption = None,
    target_bpm: TargetBpmOption = None,
    captions: CaptionsOption = None,
    prompt: PromptOption = None,
    out: Annotated[Path | None, typer.Option(help="Copy the Reel to this file as well.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a Reel from your own files."""
    wishes = LocalWishes(
        hook_clip=hook_clip,
        must_use=tuple(must_use or ()),
        exclude=tuple(exclude or ()),
        music=music,
        target_bpm=target_bpm,
        captions=captions,
        prompt=prompt,
    )
    order = LocalOrder(
        title=f"{len(clips)} clips",
        clips=tuple(clips),
        style=style,
        format=format,
        duration_s=duration,
        wishes=wishes,
    )
    _make(order, out=out, as_json=as_json)


def demo(
    style: StyleOption = _DEMO_STYLE,
    format: FormatOption = Format.REEL,
    music: MusicOption = None,
    target_bpm: TargetBpmOption = None,
    captions: CaptionsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a Reel from real sample footage: the main job, end to end."""
    from montage_pipeline.local.footage import ATTRIBUTION, demo_clips

    Console(stderr=as_json).print(ATTRIBUTION, highlight=False, soft_wrap=True)
    order = LocalOrder(
        title="Demo",
        clips=tuple(demo_clips()),
        style=style,
        format=format,
        duration_s=_DEMO_DURATION_S,
        wishes=LocalWishes(music=music, target_bpm=target_bpm, captions=captions),
    )
    _make(order, out=None, as_json=as_json)


def _make(order: LocalOrder, *, out: Path | None, as_json: bool) -> None:
    console = Console(stderr=as_json)
    # Whatever shows from the command line alone is refused before anything is started.
    item = order.as_item()
    with running_system(console) as services, ProgressView(console) as view:
        job = LocalJob(services)
        created = job.submit(item)
        outcome = job.collect(created, job.watch(created, view.update))
        services.close()

    if out is not None and outcome.video is not None:
        outcome = _copied(outcome, Path(outcome.video), out)
    if as_json:
        print(outcome.model_dump_json(by_alias=True))  # noqa: T201
    else:
        show_outcome(console, outcome)
    if outcome.status is not ContentStatus.DRAFT:
        raise typer.Exit(1)


def _copied(outcome: JobOutcome, video: Path, out: Path) -> JobOutcome:
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(video, out)
    return outcome.model_copy(update={"video": str(out.resolve())})
