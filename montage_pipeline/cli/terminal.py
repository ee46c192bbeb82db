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
    """Shows a request's progress.

    `console` decides: a live bar on a terminal, a line a change otherwise.
    """

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

    def note(self, message: str) -> None:
        """Say something beside the progress."""
        self._console.print(message, highlight=False, soft_wrap=True)

    def update(self, step: Step | None, percent: int) -> None:
        """Show where the request is."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=_STEP_TEXT[step], completed=percent)
            return
        # Plain lines: each new step, and every tenth within one.
        mark = (step, percent // 10)
        if mark != self._last_line:
            self._last_line = mark
            seconds = time.monotonic() - self._started
            self._console.print(
                f"[{seconds:6.1f} s] {percent:3d} %  {_STEP_TEXT[step]}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )


def show_outcome(console: Console, outcome: JobOutcome) -> None:
    """The end of `make` and `demo`: seconds by step, what it cost, and where the files are."""
    if outcome.status is not ContentStatus.DRAFT:
        error = outcome.error or {}
        console.print(
            f"[red]Failed[/red] at {error.get('step') or 'start'}: {error.get('message')} ({error.get('code')})",
            soft_wrap=True,
        )
        return
    steps = Table(box=None, pad_edge=False)
    steps.add_column("step")
    steps.add_column("seconds", justify="right")
    for step in Step:
        if step.value in outcome.steps:
            steps.add_row(step.value, f"{outcome.steps[step.value]:.1f}")
    steps.add_row("click to draft", f"{outcome.total_seconds:.1f}", style="bold")
    console.print(steps)
    console.print(
        f"{outcome.duration_sec:.1f} s, {outcome.width}x{outcome.height}; analysed by {outcome.analyst}, music by {outcome.composer}.",
        highlight=False,
    )
    for line in outcome.costs:
        console.print(
            f"{line.service} {line.endpoint}: {line.cost_usd.normalize():f} USD", highlight=False
        )
    if not outcome.costs:
        console.print("No paid call was made.", highlight=False)
    for warning in outcome.warnings:
        console.print(f"[yellow]note[/yellow] {warning}", soft_wrap=True, highlight=False)
    console.print(f"storyboard  {outcome.storyboard}", soft_wrap=True, highlight=False)
    console.print(
        f"edit        {outcome.otio}  (montage export turns the timeline beside it into EDL or XML)",
        soft_wrap=True,
        highlight=False,
    )
    console.print(f"[bold]reel        {outcome.video}[/bold]", soft_wrap=True, highlight=False)
