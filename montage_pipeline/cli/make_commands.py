"""`montage make` and `montage demo`: a Reel from files of this machine."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from montage_pipeline.cli.files import given_clips
from montage_pipeline.cli.interrupts import raise_if_asked
from montage_pipeline.cli.job.attending import (
    checked_out,
    hand_over,
    system_at_work,
    waited_for,
    watched,
)
from montage_pipeline.cli.job.local_job import JobOutcome, LocalJob, PlannedEdits
from montage_pipeline.cli.job.order import LocalOrder, LocalWishes
from montage_pipeline.cli.options import (
    CaptionsOption,
    ChooseOption,
    DurationOption,
    ForceOption,
    FormatOption,
    FormatsOption,
    JsonOption,
    KeepMusicOption,
    LookOption,
    MusicOption,
    PreviewOption,
    PromptOption,
    ShortCutsOption,
    StyleOption,
    TargetBpmOption,
    VariantsOption,
)
from montage_pipeline.cli.terminal import ProgressView, say
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.names import printable
from montage_pipeline.requests.model import MAX_TITLE_CHARS, NewContentItem
from montage_pipeline.styles import DEFAULT_STYLE
from montage_pipeline.vocabulary import ContentStatus, Format, Look

_DEMO_STYLE = "travel"
_DEMO_DURATION_S = 10
"""Nearly as much as the demo's footage gives without showing anything twice."""


def make(
    clips: Annotated[list[Path], typer.Argument(help="Video files, and folders of them.")],
    style: StyleOption = DEFAULT_STYLE,
    format: FormatsOption = [Format.REEL],  # noqa: B006
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
    look: LookOption = Look.MATCHED,
    short_cuts: ShortCutsOption = False,
    prompt: PromptOption = None,
    keep_music: KeepMusicOption = False,
    variants: VariantsOption = 1,
    choose: ChooseOption = None,
    preview: PreviewOption = False,
    out: Annotated[Path | None, typer.Option(help="Copy the Reel to this file as well.")] = None,
    force: ForceOption = False,
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
        look=look,
        short_cuts=short_cuts,
        prompt=prompt,
        keep_music=keep_music,
    )
    first, *others = dict.fromkeys(format)
    order = LocalOrder(
        title=_title(given_clips(clips).clips),
        clips=tuple(clips),
        style=style,
        format=first,
        duration_s=duration,
        wishes=wishes,
        formats=tuple(others),
        preview=preview,
        variants=variants,
    )
    _make(order, choose=_choosing(variants, choose), out=out, force=force, as_json=as_json)


def demo(
    style: StyleOption = _DEMO_STYLE,
    format: FormatOption = Format.REEL,
    music: MusicOption = None,
    target_bpm: TargetBpmOption = None,
    captions: CaptionsOption = None,
    look: LookOption = Look.MATCHED,
    as_json: JsonOption = False,
) -> None:
    """Make a Reel from real sample footage: the main job, end to end."""
    from montage_pipeline.local.footage import ATTRIBUTION, demo_clips

    say(Console(stderr=as_json), ATTRIBUTION)
    clips = demo_clips()
    order = LocalOrder(
        title="Demo",
        clips=tuple(clips),
        style=style,
        format=format,
        duration_s=_DEMO_DURATION_S,
        # Of each clip there are a few seconds: what a person would wish for who has no more.
        wishes=LocalWishes(
            hook_clip=clips[0],
            short_cuts=True,
            music=music,
            target_bpm=target_bpm,
            captions=captions,
            look=look,
        ),
    )
    _make(order, choose=None, out=None, force=False, as_json=as_json)


def _title(clips: Sequence[Path]) -> str:
    """What `montage list` calls the Reel."""
    named = printable(clips[0].name) if len(clips) == 1 else f"{len(clips)} clips"
    return named[:MAX_TITLE_CHARS]


def _choosing(variants: int, choose: int | None) -> int | None:
    """Which variant is rendered; None where the person is asked, or there is one only."""
    if choose is not None and choose > variants:
        raise typer.BadParameter(f"--choose {choose}, of {variants}: ask for more --variants")
    if variants > 1 and choose is None and not sys.stdin.isatty():
        raise typer.BadParameter("nobody can be asked here: say with --choose which one to render")
    return choose


def _make(
    order: LocalOrder, *, choose: int | None, out: Path | None, force: bool, as_json: bool
) -> None:
    console = Console(stderr=as_json)
    # Whatever shows from the command line alone is refused before anything is started.
    item = order.as_item()
    out_file = (
        None if out is None else checked_out(out, order.sources, force=force, console=console)
    )
    for note in given_clips(order.clips).notes():
        say(console, note, lead="note", style="yellow")

    outcome = _made(order, item, choose, console)
    hand_over(outcome, out_file, console=console, as_json=as_json)


def _made(
    order: LocalOrder, item: NewContentItem, choose: int | None, console: Console
) -> JobOutcome:
    """What came of it, of the plan that is chosen where there are several."""
    with system_at_work(console) as services:
        job = LocalJob(services)
        created = job.submit(item)
        with waited_for(job, created, console):
            say(console, f"item        {created.content_item_id}")
            with ProgressView(console) as view:
                done = job.watch(created, view.update)
            if order.variants == 1 or done.status is not ContentStatus.DRAFT:
                return job.collect(created, done)
            variant = _chosen(job.planned(created), choose, console)
            chosen = job.choose(created, variant, order)
        return watched(job, chosen, console)


def _chosen(planned: PlannedEdits, choose: int | None, console: Console) -> int:
    """Which of these edits is rendered: there may be fewer than were asked for."""
    storyboards = planned.storyboards
    for note in planned.notes:
        say(console, note, lead="note", style="yellow")
    for variant, path in storyboards.items():
        say(console, f"edit {variant}      {printable(str(path))}")
    if choose is not None:
        if choose in storyboards:
            return choose
        raise PermanentError(
            ErrorCode.NOT_FOUND,
            f"There is no edit {choose}: the clips gave {len(storyboards)} of them. Leave --choose "
            "out to be asked, or give more footage.",
        )
    while len(storyboards) > 1:
        say(console, f"Which one? [{', '.join(map(str, storyboards))}]")
        answer = sys.stdin.readline()
        raise_if_asked()
        if answer.strip().isdigit() and int(answer) in storyboards:
            return int(answer)
        if not answer:
            raise typer.Exit(1)
    return min(storyboards)
