"""What the tests of all kinds of clips share: a long clip, the true colours, rendered frames."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.rendering.model import RenderEngine
from montage_pipeline_tests.rendering.counters import PATCHES, CounterClip
from montage_pipeline_tests.rendering.edits import Cut, bt709_frames, paths_of, timeline_of

TRUE_PATCHES = np.array([colour for row in PATCHES for colour in row], float)
"""R'G'B' 0..255, shape (patches, 3)."""

LONG = CounterClip(
    "long.mp4",
    frames=75,
    width=192,
    height=144,
    video=(
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "14"),
        *("-bf", "3", "-b_strategy", "0", "-g", "15"),
    ),
    audio="sine=440:duration=2.5",
    extra=("-c:a", "aac"),
)
"""Two and a half seconds with B-frames, five GOPs and a tone."""


def rendered(
    engine: RenderEngine, cuts: list[Cut], music: Path, folder: Path, *, music_db: float = 0.0
) -> list[NDArray[np.uint8]]:
    """The frames of `folder`/reel.mp4, which is made of these cuts."""
    engine.render(
        timeline_of(cuts, gain_db=music_db),
        paths_of(cuts),
        music,
        folder / "reel.mp4",
        lambda share: None,
    )
    return list(bt709_frames(folder / "reel.mp4"))
