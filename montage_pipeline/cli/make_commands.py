"""`montage make` and `montage demo`: a Reel from files of this machine."""

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from montage_pipeline.cli.files import OutFile, given_clips
from montage_pipeline.cli.interrupts import Stopped, raise_if_asked
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
from montage_pipeline.cli.system import running_system
from montage_pipeline.cli.terminal import ProgressView, say, show_outcome
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.footage.names import printable
from montage_pipeline.local.attended import attended
from montage_pipeline.requests.model import MAX_TITLE_CHARS, NewContentItem
from montage_pipeline.styles import DEFAULT_STYLE
from montage_pipeline.vocabulary import ContentStatus, Format, Look

_DEMO_STYLE = "travel"
_DEMO_DURATION_S = 10
"""As much as the demo's footage gives without showing anything twice."""


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
    order = LocalOrder(
        title="Demo",
        clips=tuple(demo_clips()),
        style=style,
        format=format,
        duration_s=_DEMO_DURATION_S,
        wishes=LocalWishes(music=music, target_bpm=target_bpm, captions=captions, look=look),
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
    out_file = None if out is None else _checked_out(out, order, force=force, console=console)
    for path in given_clips(order.clips).passed_over:
        say(console, f"{printable(str(path))} is no video by its name", lead="note", style="yellow")

    outcome = _made(order, item, choose, console)
    failure = None
    if out_file is not None and outcome.video is not None:
        try:
            out_file.copy_from(Path(outcome.video))
            outcome = outcome.model_copy(update={"video": str(out_file.path)})
        except MontageError as error:
            failure = type(error)(
                error.code, f"{error.message} The Reel is finished: {outcome.video}"
            )

    if as_json:
        # Names that are not UTF-8 are in it as Python holds them: with lone surrogates.
        print(json.dumps(outcome.model_dump(mode="json", by_alias=True)))  # noqa: T201
    else:
        show_outcome(console, outcome)
    if failure is not None:
        raise failure
    if outcome.status is not ContentStatus.DRAFT:
        raise typer.Exit(1)


def _made(
    order: LocalOrder, item: NewContentItem, choose: int | None, console: Console
) -> JobOutcome:
    """What came of it. Whoever stops waiting, for whatever reason, does not want it any more."""
    with ExitStack() as cleanup:
        try:
            services = cleanup.enter_context(running_system(console))
            raise_if_asked()
        except Stopped:
            say(console, "Stopped before a Reel was begun.")
            raise
        cleanup.callback(services.close)
        job = LocalJob(services)
        created = job.submit(item)
        cleanup.enter_context(attended(services.settings.home, created.request_id))
        try:
            with ProgressView(console) as view:
                say(console, f"item        {created.content_item_id}")
                done = job.watch(created, view.update)
            if order.variants == 1 or done.status is not ContentStatus.DRAFT:
                return job.collect(created, done)
            variant = _chosen(job.planned(created), choose, console)
            created = job.choose(created, variant, order)
            cleanup.enter_context(attended(services.settings.home, created.request_id))
            with ProgressView(console) as view:
                return job.collect(created, job.watch(created, view.update))
        except Stopped:
            job.cancel(created)
            say(console, f"Canceled: no Reel is made of item {created.content_item_id}.")
            raise
        except Exception:
            # Where even this fails, whoever starts next cancels it.
            with suppress(Exception):
                job.cancel(created)
            raise


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


def _checked_out(out: Path, order: LocalOrder, *, force: bool, console: Console) -> OutFile:
    """The file to write, which a person at a terminal may allow to be replaced."""
    may_ask = not force and sys.stdin.isatty() and console.is_terminal
    checked = OutFile.checked(out, order.sources, force=force, may_ask=may_ask)
    if force or not may_ask or not checked.exists:
        return checked
    say(console, f"There is a file {printable(str(out))} already. Replace it? [y/N]")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise typer.Exit(1)
    return checked.replacing()
