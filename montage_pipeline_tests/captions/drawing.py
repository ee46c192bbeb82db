"""Captions drawn on empty frames, and texts in many scripts."""

import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.captions.script import Caption
from montage_pipeline.media.ffmpeg import ffmpeg_path
from montage_pipeline.requests.options import MAX_CAPTION_CHARS
from montage_pipeline.vocabulary import Format


def drawn(
    caption: Caption, format: Format, folder: Path, background: str = "black"
) -> tuple[NDArray[np.uint8], str]:
    """What libass draws on one empty frame, as grey values; and what it logs."""
    caption.write(folder)
    width, height = format.frame_size
    empty = f"color={background}:s={width}x{height}:r=1,format=gray"
    command = [
        *(ffmpeg_path(), "-hide_banner", "-loglevel", "verbose"),
        *("-f", "lavfi", "-i", empty, "-frames:v", "1"),
        *("-vf", f"format=rgb24,{caption.filter},format=gray"),
    ]
    done = subprocess.run(
        [*command, "-f", "rawvideo", "-"], capture_output=True, cwd=folder, check=True
    )
    return np.frombuffer(done.stdout, np.uint8).reshape(height, width), done.stderr.decode()


def ink_box(frame: NDArray[np.uint8], level: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is brighter; the last two are the first outside."""
    rows, columns = np.nonzero(frame > level)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


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
