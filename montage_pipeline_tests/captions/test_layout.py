"""Text stands in the safe box, on few even lines, in any script and format."""

import re
from pathlib import Path

import numpy as np
import pytest

from montage_pipeline.captions.layout import MAX_LINES, plain_text, safe_box
from montage_pipeline.captions.script import drawn_caption
from montage_pipeline.errors import PermanentError
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.captions.drawing import TEXTS, drawn, ink_box

_COMMON = ("latin", "arabic with latin and digits", "emoji", "longest")


@pytest.mark.parametrize(
    "script",
    [
        script if script in _COMMON else pytest.param(script, marks=pytest.mark.slow)
        for script in TEXTS
    ],
)
def test_any_script_stays_in_the_box_and_needs_no_other_font(script: str, tmp_path: Path) -> None:
    caption = drawn_caption(plain_text(TEXTS[script]), Format.REEL, *Format.REEL.frame_size)
    frame, log = drawn(caption, Format.REEL, tmp_path, background="gray")
    changed = np.abs(frame.astype(int) - int(frame[0, 0])).astype(np.uint8)
    left, top, right, bottom = ink_box(changed, 12)
    box = safe_box(Format.REEL, *Format.REEL.frame_size)
    assert box.left - 1 <= left
    assert right <= box.right + 1
    assert box.top <= top
    assert bottom <= box.bottom + 1
    assert box.bottom - bottom < 30, "the text stands on the lower edge of the box"
    assert abs((left + right) - (box.left + box.right)) < 0.05 * (box.right - box.left), (
        "it is in the middle"
    )
    asked = re.findall(r"fontselect: \((.+?), \d+, \d+\) -> (\S+),", log)
    assert asked
    assert all(name.startswith("Caption-") for _, name in asked), log
    assert "selecting one more font" not in log
    assert caption.script.count("Dialogue:") <= MAX_LINES


@pytest.mark.parametrize("format", Format)
def test_every_format_has_its_own_box(format: Format, tmp_path: Path) -> None:
    caption = drawn_caption("Three days by the sea and nobody told me", format, *format.frame_size)
    left, top, right, bottom = ink_box(drawn(caption, format, tmp_path, background="gray")[0], 200)
    box = safe_box(format, *format.frame_size)
    assert box.left <= left < right <= box.right
    assert box.top <= top < bottom <= box.bottom
    assert right - left > 0.5 * (box.right - box.left), "large"


def test_lines_are_even_and_words_are_whole() -> None:
    caption = drawn_caption(TEXTS["latin"], Format.REEL, 1080, 1920)
    lines = [
        re.sub(r"\{[^}]*\}|\u200e", "", line.split(",,", 2)[2])
        for line in re.findall(r"Dialogue: .*", caption.script)
    ]
    assert " ".join(lines) == TEXTS["latin"]
    assert min(map(len, lines)) > 0.6 * max(map(len, lines))
    thai = drawn_caption(TEXTS["thai"], Format.REEL, 1080, 1920).script
    assert "อาหาร" in thai
    assert "เพื่อน" in thai


def test_towers_of_marks_fit_or_are_refused(tmp_path: Path) -> None:
    try:
        caption = drawn_caption(plain_text("a" + "\u0301\u0323" * 40), Format.REEL, 1080, 1920)
    except PermanentError as refusal:
        assert refusal.code == "caption_too_long"  # noqa: PT017
        return
    box = safe_box(Format.REEL, 1080, 1920)
    _, top, _, bottom = ink_box(drawn(caption, Format.REEL, tmp_path)[0], 60)
    assert box.top <= top < bottom <= box.bottom + 1
