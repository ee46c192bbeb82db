"""What is printed is printed as it is: names of files are text, never markup."""

import io
import os
import subprocess
import sys

import pytest
from rich.console import Console

from montage_pipeline.cli.terminal import plain, plain_table, say, show_clips
from montage_pipeline.requests.footage import ClipReport

HOSTILE = [
    "holiday[red]2024.mp4",
    "IMG[/b].mp4",
    "montage-pipeline[local]",
    ":+1: {task} %d \\[bold] 'quoted' \"too\".mp4",
    "[link=https://example.com]x[/link] 🎉.mp4",
]


def console() -> Console:
    return Console(file=io.StringIO(), width=30, color_system=None)


def printed(to: Console) -> str:
    assert isinstance(to.file, io.StringIO)
    return to.file.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_not_markup(text: str) -> None:
    lines, table = console(), Console(file=io.StringIO(), width=200, color_system=None)
    say(lines, text)
    say(lines, text, lead=text, style="red")
    assert printed(lines) == f"{text}\n{text} {text}\n"
    rows = plain_table("name")
    rows.add_row(plain(text))
    table.print(rows)
    assert text in printed(table)


def test_a_name_cannot_steer_the_terminal() -> None:
    lines = console()
    say(lines, "a\x1b[2Jb\rc\u202ed\x9b31me")
    assert printed(lines) == "a\\x1b[2Jb\\rc\\u202ed\\x9b31me\n"


def test_bytes_that_are_not_utf8_are_written_as_they_are() -> None:
    program = (
        "import os; from rich.console import Console\n"
        "from montage_pipeline.cli.terminal import say, write_any_text\n"
        "write_any_text(); say(Console(), os.fsdecode(b'caf\\xe9') + ' \\u2192')"
    )
    for encoding, arrow in (("utf-8", "→".encode()), ("ascii", b"\\u2192")):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONIOENCODING": encoding},
            capture_output=True,
            check=True,
        )
        assert done.stdout == b"caf\xe9 " + arrow + b"\n"


def test_reasons_speak_of_options_as_they_are_typed() -> None:
    lines = Console(file=io.StringIO(), width=200, color_system=None)
    named = {"url": "file:///the%20wish%20shortCuts.mp4", "name": "the wish shortCuts.mp4"}
    reason = "too short; the wish shortCuts would allow it, as in the wish shortCuts.mp4"
    show_clips(lines, [ClipReport(**named, reason=reason)])
    assert printed(lines) == (
        "not shown   the wish shortCuts.mp4: too short; --short-cuts would allow it, "
        "as in the wish shortCuts.mp4\n"
    )
