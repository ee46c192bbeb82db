"""Side data is read, and the frame is let go of."""

import gc
import weakref
from pathlib import Path

import av
import numpy as np
import pytest

from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.media.side_data import side_data
from montage_pipeline_tests.footage.media import make_clip


class _Buffer(np.ndarray):
    """An array that can be watched."""


def test_what_is_read_of_a_frame_does_not_keep_it() -> None:
    frames = []
    gc.disable()  # circles stay, as they do while hundreds of frames are decoded
    try:
        for _ in range(2):
            pixels = np.zeros((16, 16, 3), dtype=np.uint8).view(_Buffer)
            frame = av.VideoFrame.from_numpy_buffer(pixels)
            frames.append(weakref.ref(pixels))
            del pixels
            assert side_data(frame, "DISPLAYMATRIX") is None
            del frame
        assert all(pixels() is None for pixels in frames)
    finally:
        gc.enable()


@pytest.mark.parametrize("turned", [False, True])
def test_a_turned_clip_says_so(tmp_path: Path, turned: bool) -> None:
    plain, clip = make_clip(tmp_path / "plain.mp4", duration_s=1), tmp_path / "clip.mp4"
    turn = ["-display_rotation", "90"] if turned else []
    run_ffmpeg([*turn, "-i", str(plain), "-c", "copy", str(clip)])
    with av.open(str(clip)) as container:
        frame = next(container.decode(video=0))
        matrix = side_data(frame, "DISPLAYMATRIX")
    assert (matrix is not None) == turned
    assert matrix is None or len(matrix) == 9 * 4
