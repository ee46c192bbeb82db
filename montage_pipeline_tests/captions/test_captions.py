"""Captions: exactly the text, in any script, inside the safe box, on the frames of one segment and
nowhere else.
"""

import io
import re
import subprocess
import unicodedata
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from hypothesis import example, given
from hypothesis import settings as budget
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ImageFont

from montage_pipeline.captions.fonts import UnsupportedCharacters, runs_of
from montage_pipeline.captions.layout import (
    MAX_LINES,
    Caption,
    drawn_caption,
    plain_text,
    refuse_undrawable,
    safe_box,
)
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import PermanentError
from montage_pipeline.media.ffmpeg import ffmpeg_path
from montage_pipeline.rendering.ffmpeg_engine import FfmpegEngine
from montage_pipeline.rendering.model import RenderEngine
from montage_pipeline.rendering.video.chunks.store import ObjectChunkStore
from montage_pipeline.requests.options import MAX_CAPTION_CHARS
from montage_pipeline.settings import Settings
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.examples import examples
from montage_pipeline_tests.rendering.conftest import ClipMaker
from montage_pipeline_tests.rendering.counters import CounterClip
from montage_pipeline_tests.rendering.edits import Cut, paths_of, pictures, timeline_of

CLIP = CounterClip("f30.mov", fps="30")
WIDTH, HEIGHT = 360, 640


def captioned(timeline: Timeline, number: int, text: str) -> Timeline:
    segments = list(timeline.segments)
    segments[number] = segments[number].model_copy(update={"caption": text})
    return timeline.model_copy(update={"segments": tuple(segments)})


def drawn(
    caption: Caption, format: Format, folder: Path, background: str = "black"
) -> tuple[NDArray[np.uint8], str]:
    """What libass draws on one empty frame, as grey values; and what it logs."""
    caption.write(folder)
    width, height = format.frame_size
    source = [
        "-f",
        "lavfi",
        "-i",
        f"color={background}:s={width}x{height}:r=1,format=gray",
        "-frames:v",
        "1",
    ]
    command = [
        ffmpeg_path(),
        "-hide_banner",
        "-loglevel",
        "verbose",
        *source,
        "-vf",
        f"format=rgb24,{caption.filter},format=gray",
    ]
    done = subprocess.run(
        [*command, "-f", "rawvideo", "-"], capture_output=True, cwd=folder, check=True
    )
    return np.frombuffer(done.stdout, np.uint8).reshape(height, width), done.stderr.decode()


def ink_box(picture: NDArray[np.uint8], level: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is brighter; the last two are the first outside."""
    rows, columns = np.nonzero(picture > level)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def test_only_the_frames_of_its_segment_show_it_and_only_in_the_safe_box(
    engine: RenderEngine, clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    source = clip(CLIP)
    cuts = [Cut(source, 0.1, 8), Cut(source, 0.8, 8)]
    plain = timeline_of(cuts, width=WIDTH, height=HEIGHT)
    for name, edit in {
        "plain": plain,
        "text": captioned(plain, 0, "Three days by the sea"),
    }.items():
        engine.render(edit, paths_of(cuts), music, tmp_path / f"{name}.mp4", lambda share: None)
    without, text = (
        np.stack(list(pictures(tmp_path / f"{name}.mp4"))).astype(int) for name in ("plain", "text")
    )
    assert (text[8:] == without[8:]).all()
    # What the encoder does about the text elsewhere is faint.
    changed = (np.abs(text[:8] - without[:8]) > 90).any(axis=-1)
    box = safe_box(Format.REEL, WIDTH, HEIGHT)
    for frame in changed:
        left, top, right, bottom = ink_box(frame.astype(np.uint8), 0)
        assert box.left <= left
        assert right <= box.right
        assert box.top <= top
        assert bottom <= box.bottom
        assert frame.sum() > 0.01 * WIDTH * HEIGHT
    white = (text[:8] > 215).all(axis=-1) & changed
    assert (white.all(axis=0).sum() / white.any(axis=0).sum()) > 0.3, "the letters stand still"


def test_both_engines_draw_the_same(clip: ClipMaker, music: Path, tmp_path: Path) -> None:
    from montage_pipeline.rendering.moviepy_engine import MoviePyEngine

    cuts = [Cut(clip(CLIP), 0.1, 6)]
    timeline = captioned(timeline_of(cuts, width=WIDTH, height=HEIGHT), 0, "سلام Reel 🎉")
    for engine in (FfmpegEngine(Settings()), MoviePyEngine(Settings())):
        engine.render(
            timeline, paths_of(cuts), music, tmp_path / f"{engine.name}.mp4", lambda share: None
        )
    ours, theirs = (
        np.stack(list(pictures(tmp_path / f"{name}.mp4"))).astype(int)
        for name in ("ffmpeg", "moviepy")
    )
    assert np.abs(ours - theirs).mean() < 3


def test_a_caption_makes_its_own_part_anew(
    object_store: ObjectStore, clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    cuts = [Cut(clip(CLIP), 0.1, 6), Cut(clip(CLIP), 0.8, 6), Cut(clip(CLIP), 1.3, 6)]
    timeline = timeline_of(cuts, width=WIDTH, height=HEIGHT)
    engine = FfmpegEngine(Settings(), ObjectChunkStore(object_store, 10**9, timedelta(days=1)))

    def reused(edit: Timeline) -> int:
        return engine.render(
            edit, paths_of(cuts), music, tmp_path / "reel.mp4", lambda share: None
        ).parts_reused

    first = captioned(timeline, 0, "One")
    assert [
        reused(edit) for edit in (timeline, first, first, captioned(timeline, 0, "Two"), timeline)
    ] == [0, 2, 3, 2, 3]
    assert reused(first.model_copy(update={"segments": first.segments[::-1]})) == 3
    assert reused(first.model_copy(update={"format": Format.SQUARE})) == 2, "another safe box"


TEXTS = {
    "latin": "Three days by the sea — and nobody told me about the jellyfish",
    "greek and cyrillic": "Ελλάδα: τρεις μέρες. Три дня у моря",
    "vietnamese, stacked marks": "Ba ngày ở biển: tuyệt vời quá Ấ Ệ",
    "arabic with latin and digits": "ثلاثة أيام على شاطئ البحر مع iPhone 15 في الصيف",
    "hebrew": "שלושה ימים בים, 24 שעות (וגם Hello!)",
    "devanagari": "समुद्र किनारे तीन दिन और क्षत्रिय की यात्रा",
    "thai": "สามวันริมทะเลกับเพื่อนรักและอาหารอร่อยที่สุดในชีวิต",
    "myanmar": "မင်္ဂလာပါ ကမ္ဘာလောက",
    "cjk": "今日はとても良い天気 你好世界 안녕하세요",
    "emoji": "Beach day 🏖️☀️👨‍👩‍👧 100% fun 🎉❤️👍🏽 #1️⃣ ❤️‍🔥🏳️‍🌈🇩🇪",
    "only emoji": "1️⃣❤️‍🔥🏳️‍🌈👍🏽",
    "longest": "W" * MAX_CAPTION_CHARS,
    "longest emoji": "🎉" * MAX_CAPTION_CHARS,
    "one letter": "i",
}


_COMMON = ("latin", "arabic with latin and digits", "devanagari", "cjk", "emoji", "longest")


@pytest.mark.parametrize(
    "script",
    [
        script if script in _COMMON else pytest.param(script, marks=pytest.mark.slow)
        for script in TEXTS
    ],
)
def test_any_script_stays_in_the_box_and_needs_no_other_font(script: str, tmp_path: Path) -> None:
    caption = drawn_caption(plain_text(TEXTS[script]), Format.REEL, *Format.REEL.frame_size)
    picture, log = drawn(caption, Format.REEL, tmp_path, background="gray")
    changed = np.abs(picture.astype(int) - int(picture[0, 0])).astype(np.uint8)
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
    picture, _ = drawn(caption, Format.LANDSCAPE, tmp_path_factory.mktemp("drawn"))
    left, top, right, bottom = ink_box(picture, 120)
    x0, y0, x1, y1 = ink_box(expected, 120)
    assert abs((right - left) - (x1 - x0)) <= 3
    assert abs((bottom - top) - (y1 - y0)) <= 3
    height, width = min(bottom - top, y1 - y0), min(right - left, x1 - x0)
    ours = picture[top : top + height, left : left + width] > 120
    theirs = expected[y0 : y0 + height, x0 : x0 + width] > 120
    assert (ours & theirs).sum() > 0.75 * (ours | theirs).sum()


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
    for text, told in (
        ("Runes ᚠᚢ", "ᚠ (U+16A0 RUNIC LETTER FEHU FEOH FE F), ᚢ (U+16A2"),
        ("bell \a", "(U+0007 without a name)"),
    ):
        with pytest.raises(PermanentError) as caught:
            refuse_undrawable(text)
        assert caught.value.code == "caption_unsupported"
        assert told in caught.value.message
    refuse_undrawable("a\tb\u00a0c")  # white space is a space


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
