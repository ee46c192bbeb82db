"""Sound whose kind changes on the way: every piece keeps its length and its pitch."""

from typing import Any

import numpy as np
from av.audio.frame import AudioFrame
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from montage_pipeline.media.resampling import Resampling
from montage_pipeline_tests.examples import examples

_RATE = 48_000
_HERTZ = 1000
_KINDS = st.tuples(
    st.sampled_from([8_000, 22_050, 44_100, 48_000, 96_000]),
    st.sampled_from(["mono", "stereo", "5.1"]),
    st.sampled_from(["fltp", "s16"]),
    st.integers(300, 900),  # ms
)


def _tone(rate: int, layout: str, sample_format: str, milliseconds: int) -> list[AudioFrame]:
    """A tone on the two front channels, in frames of 1024 samples as decoders give them."""
    count = rate * milliseconds // 1000
    channels = {"mono": 1, "stereo": 2, "5.1": 6}[layout]
    tone = np.zeros((channels, count), np.float32)
    tone[:2] = 0.5 * np.sin(2 * np.pi * _HERTZ * np.arange(count) / rate)
    frames = []
    for begin in range(0, count, 1024):
        part = tone[:, begin : begin + 1024]
        if sample_format == "s16":
            part = (part.T.reshape(1, -1) * 32_767).astype(np.int16)
        frame = AudioFrame.from_ndarray(
            np.ascontiguousarray(part), format=sample_format, layout=layout
        )
        frame.sample_rate = rate
        frames.append(frame)
    return frames


@settings(max_examples=examples(0.5), deadline=None)
@given(pieces=st.lists(_KINDS, min_size=1, max_size=4))
def test_every_piece_keeps_its_length_and_pitch(pieces: list[tuple[int, str, str, int]]) -> None:
    resampling = Resampling("fltp", "stereo", _RATE)
    made: list[NDArray[Any]] = []
    for piece in pieces:
        for frame in _tone(*piece):
            made += [part.to_ndarray() for part in resampling.add(frame)]
    made += [part.to_ndarray() for part in resampling.rest()]
    sound = np.concatenate(made, axis=1)

    ends = np.cumsum([rate * ms // 1000 * _RATE / rate for rate, _, _, ms in pieces])
    assert abs(sound.shape[1] - ends[-1]) <= 2 * len(pieces)
    for (_, _, _, milliseconds), end in zip(pieces, ends, strict=True):
        begin = round(end - milliseconds * _RATE / 1000)
        middle = sound[0, begin + 2_400 :][: (round(end) - begin) - 4_800]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), _RATE))
        assert abs(int(spectrum.argmax()) - _HERTZ) <= 2
