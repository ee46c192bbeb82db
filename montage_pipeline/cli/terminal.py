"""What a person sees: lines of text as they are, and how a Reel comes along.

Text is never read as markup: names of files hold brackets, emoji codes and control characters.
"""

import codecs
import re
import sys
import time
from collections.abc import Sequence
from io import TextIOWrapper
from types import TracebackType
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from montage_pipeline.cli.job.local_job import JobOutcome, Progressed
from montage_pipeline.cli.options import in_typed_words
from montage_pipeline.errors import ErrorCode
from montage_pipeline.footage.names import names_on_disk
from montage_pipeline.requests.footage import ClipReport
from montage_pipeline.vocabulary import ContentStatus, Step

_STEP_TEXT = {
    None: "waiting for the sensor",
    Step.CLIP_ANALYSIS: "looking at the clips",
    Step.MUSIC_TRACK: "composing the music",
    Step.EDIT_TIMELINE: "planning the edit",
    Step.RENDERED_VIDEO: "rendering",
    Step.R2_OBJECT: "delivering",
}

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""All but tab and newline, and what turns the direction of writing: a name must not move the
cursor, colour the terminal or read backwards.
"""


_ON_ONE_LINE = {"item", "made", "status", "when"}
"""Columns that are copied or compared."""


def write_any_text() -> None:
    """Let stdout and stderr take whatever there is to write, in any locale.

    Bytes of names that are not UTF-8 are written as they are, characters that the terminal's
    encoding lacks as escapes.
    """
    codecs.register_error("montage", _encodable)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="montage")


def _encodable(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeEncodeError:
        return codecs.backslashreplace_errors(error)


def plain(text: object, style: str = "") -> Text:
    """Text for a console or a cell of a table, as it is."""
    return Text(_CONTROLS.sub(_escaped, str(text)), style=style)


def say(console: Console, text: object, *, lead: str = "", style: str = "") -> None:
    """Print a line, in `style`; `lead` goes before it and is styled alone."""
    line = plain(text, "" if lead else style)
    if lead:
        line = Text.assemble(plain(lead, style), " ", line)
    console.print(line, soft_wrap=True, highlight=False)


def plain_table(*columns: str, right: str = "") -> Table:
    """A table without lines; the column called `right` is aligned to the right."""
    table = Table(box=None, pad_edge=False)
    for name in columns:
        justify: Literal["left", "right"] = "right" if name == right else "left"
        table.add_column(name, justify=justify, overflow="fold", no_wrap=name in _ON_ONE_LINE)
    return table


def _escaped(control: re.Match[str]) -> str:
    return control.group().encode("unicode_escape").decode()


class ProgressView:
    """Shows a request's progress: a live bar on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = time.monotonic()
        self._last_line: tuple[Step | None, int, int] | None = None
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> "ProgressView":
        if self._console.is_terminal:
            self._bar = Progress(
                SpinnerColumn(),
                TextColumn("{task.description:<24}", markup=False),
                BarColumn(bar_width=24),
                TextColumn("{task.percentage:>3.0f} %"),
                TimeElapsedColumn(),
                TextColumn("{task.fields[detail]}", markup=False),
                console=self._console,
            )
            self._bar.start()
            self._task = self._bar.add_task(_STEP_TEXT[None], total=100, detail="")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, now: Progressed) -> None:
        """Show where the request is."""
        text, detail = _STEP_TEXT[now.step], str(plain(now.detail))
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=text, completed=now.percent, detail=detail)
            return
        # Plain lines: each new step, every clip looked at, and every ten percent.
        looked_at = hash(now.detail) if now.step is Step.CLIP_ANALYSIS else 0
        line = (now.step, now.percent // 10, looked_at)
        if line != self._last_line:
            self._last_line = line
            seconds = time.monotonic() - self._started
            shown = f"{text}: {detail}" if detail else text
            say(self._console, f"[{seconds:6.1f} s] {now.percent:3d} %  {shown}")


def show_outcome(console: Console, outcome: JobOutcome) -> None:
    """The end of `make` and `demo`: seconds by step, what it cost, and where the files are."""
    if outcome.status is not ContentStatus.DRAFT:
        show_failure(console, outcome.error or {})
        show_clips(console, outcome.clips)
        say(console, f"item        {outcome.content_item_id}")
        return

    console.print(_steps_table(outcome))
    say(
        console,
        f"{outcome.duration_sec:.1f} s, {outcome.width}x{outcome.height}; "
        f"analysed by {outcome.analyst}, music by {outcome.composer}.",
    )
    for line in outcome.costs:
        say(console, f"{line.service} {line.endpoint}: {line.cost_usd.normalize():f} USD")
    if not outcome.costs:
        say(console, "No paid call was made.")
    show_clips(console, outcome.clips)
    for warning in outcome.warnings:
        say(console, warning, lead="note", style="yellow")
    say(console, f"item        {outcome.content_item_id}")
    say(console, f"storyboard  {outcome.storyboard}")
    say(console, f"edit        {outcome.otio}  (`montage export` makes EDL or XML of it)")
    for shape, path in outcome.formats.items():
        say(console, f"in {shape:<8} {path}")
    say(console, f"reel        {outcome.video}", style="bold")


def show_failure(console: Console, error: dict[str, object]) -> None:
    """Why there is no Reel."""
    code, message = error.get("code"), in_typed_words(str(error.get("message")))
    if code == ErrorCode.CANCELED:
        say(console, f"{message}", lead="Canceled", style="yellow")
        return
    say(
        console,
        f"at {error.get('step') or 'start'}: {message} ({code})",
        lead="Failed",
        style="red",
    )


def show_clips(console: Console, clips: Sequence[ClipReport]) -> None:
    """What became of every clip: what was shown of it, or why nothing was."""
    named = list(zip(names_on_disk([clip.url for clip in clips]), clips, strict=True))
    for name, clip in named:
        spans = ", ".join(
            f"{segment.start_s:.1f}–{segment.end_s:.1f} s at {segment.reel_s:.1f} s"
            for segment in clip.segments
        )
        if spans:
            say(console, f"shown       {name}: {spans}")
    for name, clip in named:
        if not clip.segments:
            reason = in_typed_words(clip.reason or "")
            say(console, f"not shown   {name}: {reason}")


def _steps_table(outcome: JobOutcome) -> Table:
    table = plain_table("step", "seconds", right="seconds")
    for step in Step:
        if step.value in outcome.steps:
            table.add_row(step.value, f"{outcome.steps[step.value]:.1f}")
    table.add_row("click to draft", f"{outcome.total_seconds:.1f}", style="bold")
    return table
