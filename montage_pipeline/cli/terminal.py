"""What a person sees while a Reel is made: a bar on a terminal, plain lines elsewhere."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from montage_pipeline.cli.job import JobOutcome
from montage_pipeline.vocabulary import ContentStatus, Step

_STEP_TEXT = {
    None: "waiting for the sensor",
    Step.CLIP_ANALYSIS: "looking at the clips",
    Step.MUSIC_TRACK: "composing the music",
    Step.EDIT_TIMELINE: "planning the edit",
    Step.RENDERED_VIDEO: "rendering",
    Step.R2_OBJECT: "delivering",
}


class ProgressView:
    """Shows a request's progress: a live bar on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = time.monotonic()
        self._last_line: tuple[Step | None, int] | None = None
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> "ProgressView":
        if self._console.is_terminal:
            self._bar = Progress(
                SpinnerColumn(),
                TextColumn("{task.description:<24}"),
                BarColumn(bar_width=32),
                TextColumn("{task.percentage:>3.0f} %"),
                TimeElapsedColumn(),
                console=self._console,
            )
            self._bar.start()
            self._task = self._bar.add_task(_STEP_TEXT[None], total=100)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, step: Step | None, percent: int) -> None:
        """Show where the request is."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=_STEP_TEXT[step], completed=percent)
            return
        # Plain lines: each new step, and every ten percent within one.
        line = (step, percent // 10)
        if line != self._last_line:
            self._last_line = line
            seconds = time.monotonic() - self._started
            self._console.print(
                f"[{seconds:6.1f} s] {percent:3d} %  {_STEP_TEXT[step]}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )


def show_outcome(console: Console, outcome: JobOutcome) -> None:
    """The end of `make` and `demo`: seconds by step, what it cost, and where the files are."""

    def say(line: str, *, highlight: bool = False) -> None:
        console.print(line, soft_wrap=True, highlight=highlight)

    if outcome.status is not ContentStatus.DRAFT:
        error = outcome.error or {}
        step, message, code = error.get("step"), error.get("message"), error.get("code")
        say(f"[red]Failed[/red] at {step or 'start'}: {message} ({code})", highlight=True)
        return

    console.print(_steps_table(outcome))
    say(
        f"{outcome.duration_sec:.1f} s, {outcome.width}x{outcome.height}; "
        f"analysed by {outcome.analyst}, music by {outcome.composer}."
    )
    for line in outcome.costs:
        say(f"{line.service} {line.endpoint}: {line.cost_usd.normalize():f} USD")
    if not outcome.costs:
        say("No paid call was made.")
    for warning in outcome.warnings:
        say(f"[yellow]note[/yellow] {warning}")
    say(f"storyboard  {outcome.storyboard}")
    say(f"edit        {outcome.otio}  (`montage export` makes EDL or XML of {outcome.timeline})")
    say(f"[bold]reel        {outcome.video}[/bold]")


def _steps_table(outcome: JobOutcome) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("step")
    table.add_column("seconds", justify="right")
    for step in Step:
        if step.value in outcome.steps:
            table.add_row(step.value, f"{outcome.steps[step.value]:.1f}")
    table.add_row("click to draft", f"{outcome.total_seconds:.1f}", style="bold")
    return table
