"""What libass draws is the text and nothing else."""

import io
import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import settings as budget
from hypothesis import strategies as st
from PIL import ImageFont

from montage_pipeline.captions.layout import plain_text
from montage_pipeline.captions.script import drawn_caption
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.captions.drawing import drawn, ink_box
from montage_pipeline_tests.examples import examples

# Whatever has a meaning in a script for libass, in a filter chain or in a shell.
_TRICKS = st.text(alphabet=list("{}\\Nnhbpi1(),:;'\"=%[]&-!|`$ "), min_size=1, max_size=12)


@budget(max_examples=examples(0.1), deadline=None)
@given(_TRICKS)
@example(r"{\b1}x")
@example(r"a\Nb\nc\hd")
@example("\\{\\}\\\\")
@example(r"{\p1}m 0 0")
@example("',[x]=%{a}")
def test_what_is_drawn_is_the_text_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    wanted = plain_text(text)
    if not wanted:
        return
    caption = drawn_caption(wanted, Format.LANDSCAPE, *Format.LANDSCAPE.frame_size)
    assert caption.script.count("Dialogue:") == 1
    size = int(re.search(r"^Style: Caption,[^,]+,(\d+),", caption.script, re.MULTILINE)[1])  # type: ignore[index]
    shape = ImageFont.truetype(
        io.BytesIO(caption.fonts[0].data), size, layout_engine=ImageFont.Layout.RAQM
    ).getmask(wanted)
    expected = np.array(shape, np.uint8).reshape(shape.size[::-1])
    if not expected.any():
        return
    frame, _ = drawn(caption, Format.LANDSCAPE, tmp_path_factory.mktemp("drawn"))
    left, top, right, bottom = ink_box(frame, 120)
    x0, y0, x1, y1 = ink_box(expected, 120)
    assert abs((right - left) - (x1 - x0)) <= 3
    assert abs((bottom - top) - (y1 - y0)) <= 3
    height, width = min(bottom - top, y1 - y0), min(right - left, x1 - x0)
    ours = frame[top : top + height, left : left + width] > 120
    theirs = expected[y0 : y0 + height, x0 : x0 + width] > 120
    assert (ours & theirs).sum() > 0.75 * (ours | theirs).sum()
