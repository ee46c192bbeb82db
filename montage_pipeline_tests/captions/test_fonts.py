"""Every character has a shipped font, or is refused by name."""

import io
import re
import unicodedata

import pytest
from fontTools.ttLib import TTFont
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from montage_pipeline.captions.fonts import UnsupportedCharacters, runs_of
from montage_pipeline.captions.layout import plain_text, refuse_undrawable
from montage_pipeline.captions.script import drawn_caption
from montage_pipeline.errors import PermanentError
from montage_pipeline.requests.options import MAX_CAPTION_CHARS
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.captions.drawing import TEXTS
from montage_pipeline_tests.examples import examples


@budget(max_examples=examples(1.5), deadline=None)
@given(st.text(max_size=MAX_CAPTION_CHARS))
def test_any_text_is_covered_whole_or_refused_by_name(text: str) -> None:
    wanted = plain_text(text)
    try:
        runs = runs_of(wanted)
    except UnsupportedCharacters as refusal:
        named = re.findall(r"U\+([0-9A-F]{4,6})", str(refusal))
        assert named
        assert all(chr(int(number, 16)) in wanted for number in named)
        return
    assert "".join(run.text for run in runs) == wanted.replace("\ufe0e", "").replace("\ufe0f", "")
    assert not any(unicodedata.category(character) in ("Cc", "Cs", "Cn") for character in wanted)


def test_fonts_have_every_character_of_their_runs() -> None:
    caption = drawn_caption(
        plain_text(TEXTS["arabic with latin and digits"]), Format.REEL, 1080, 1920
    )
    families = {
        font.family: set(TTFont(io.BytesIO(font.data)).getBestCmap()) for font in caption.fonts
    }
    assert len(families) == 2
    for event in re.findall(r"^Dialogue: (.*)$", caption.script, re.MULTILINE):
        for family, text in re.findall(r"\{\\fn(Caption [^}]+)\}([^{]*)", event):
            assert {ord(character) for character in text} <= families[family]


def test_what_no_font_has_is_named() -> None:
    for text, reason in (
        ("Runes ᚠᚢ", "ᚠ (U+16A0 RUNIC LETTER FEHU FEOH FE F), ᚢ (U+16A2"),
        ("bell \a", "(U+0007 without a name)"),
    ):
        with pytest.raises(PermanentError) as caught:
            refuse_undrawable(text)
        assert caught.value.code == "caption_unsupported"
        assert reason in caught.value.message
    refuse_undrawable("a\tb\u00a0c")  # white space is a space
