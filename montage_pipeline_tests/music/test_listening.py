"""Where in a file there is music, and a file whose kind changes on the way."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.music.beats.tracker import beats_of
from montage_pipeline.music.listening import RATE, Listened, listen_to, sounding_spans
from montage_pipeline.spans import Span
from montage_pipeline_tests.examples import examples


def _drums(duration_s: float, bpm: float = 120) -> NDArray[np.float32]:
    time_s = np.arange(round(duration_s * RATE)) / RATE
    beat_s = 60 / bpm
    hats = np.random.default_rng(1).normal(size=len(time_s)) * np.exp(-60 * (time_s % (beat_s / 2)))
    kicks = np.sin(2 * np.pi * 60 * time_s) * np.exp(-12 * (time_s % beat_s))
    return (0.5 * kicks + 0.1 * hats).astype(np.float32)


@settings(max_examples=examples(0.3), deadline=None)
@example(parts=[(2.0, 3.0)], gain_db=6.0, hiss_db=-62.0)
@given(
    parts=st.lists(st.tuples(st.floats(1.5, 6), st.floats(1.5, 6)), min_size=1, max_size=3),
    gain_db=st.floats(-25, 0),
    hiss_db=st.floats(-90, -58),
)
def test_music_is_heard_where_it_is_and_no_beat_lies_outside(
    parts: list[tuple[float, float]], gain_db: float, hiss_db: float
) -> None:
    """Silence and music in turn, over a tape's hiss far below the music."""
    pieces, expected, at_s = [], [], 0.0
    for silence_s, music_s in parts:
        pieces += [np.zeros(round(silence_s * RATE), np.float32), _drums(music_s)]
        expected.append(Span(at_s + silence_s, at_s + silence_s + music_s))
        at_s += silence_s + music_s
    sound = np.concatenate([*pieces, np.zeros(2 * RATE, np.float32)])
    hiss = np.random.default_rng(2).normal(0, 10 ** (hiss_db / 20), len(sound))
    sides = np.stack([sound + hiss, sound]).astype(np.float32) * np.float32(10 ** (gain_db / 20))

    spans = sounding_spans(sides)
    assert len(spans) == len(expected)
    for span, known in zip(spans, expected, strict=True):
        assert span.start_s == pytest.approx(known.start_s, abs=0.06)
        assert known.end_s - 0.6 < span.end_s < known.end_s + 0.06  # the last hit dies away
    beats_s = beats_of(Listened(sides[1], spans)).beats_s
    assert all(any(span.start_s - 0.07 <= beat < span.end_s for span in spans) for beat in beats_s)


def test_the_noise_of_a_tape_is_silence_beside_music_that_is_hardly_louder() -> None:
    """Drums at -45 dBFS, hiss 20 dB below them."""
    drums = _drums(4)
    drums *= np.float32(10 ** (-45 / 20) / drums.std())
    sound = np.concatenate([np.zeros(4 * RATE, np.float32), drums])
    hiss = np.random.default_rng(3).normal(0, 10 ** (-65 / 20), len(sound))
    [span] = sounding_spans((sound + hiss).astype(np.float32)[None])
    assert span.start_s == pytest.approx(4, abs=0.06)


def test_rests_of_the_music_are_no_silence_and_a_click_is_no_music() -> None:
    stops = np.concatenate([_drums(4), np.zeros(round(0.8 * RATE), np.float32), _drums(4)])
    assert len(sounding_spans(stops[None])) == 1
    clicked = np.concatenate([np.zeros(6 * RATE, np.float32), _drums(4)])
    clicked[2 * RATE : 2 * RATE + 50] = 0.9
    [span] = sounding_spans(clicked[None])
    assert span.start_s == pytest.approx(6, abs=0.06)


def test_music_on_one_side_alone_is_heard() -> None:
    drums = _drums(4)
    assert len(sounding_spans(np.stack([drums, np.zeros_like(drums)]))) == 1


def test_sides_in_opposite_phase_are_heard_and_have_beats(tmp_path: Path) -> None:
    drums = _drums(12)
    path = tmp_path / "opposite.wav"
    soundfile.write(path, np.stack([drums, -drums], axis=1), RATE)
    heard = listen_to(path)
    assert len(heard.sounding) == 1
    grid = beats_of(heard)
    assert grid.source == "tracked"
    assert grid.bpm == pytest.approx(120, rel=0.02)


@pytest.mark.parametrize(
    ("name", "codec"), [("joined.aac", "aac"), ("joined.mp3", "libmp3lame"), ("joined.ts", "aac")]
)
def test_a_track_whose_rate_and_layout_change_keeps_its_pitch_and_length(
    name: str, codec: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    for number, (rate, channels) in enumerate(((44_100, 2), (22_050, 1), (48_000, 2))):
        part = tmp_path / f"{number}{path.suffix}"
        tone = f"sine=frequency=1000:sample_rate={rate}:duration=2"
        encode = ["-ac", str(channels), "-c:a", codec, str(part)]
        run_ffmpeg(["-f", "lavfi", "-i", tone, *encode])
        with path.open("ab") as joined:
            joined.write(part.read_bytes())

    heard = listen_to(path)
    assert heard.duration_s == pytest.approx(6, abs=0.25)
    assert heard.music_s == pytest.approx(heard.duration_s, abs=0.15)
    for begin_s in (0.5, 2.6, 4.7):
        second = heard.mono[round(begin_s * RATE) :][:RATE]
        assert np.abs(np.fft.rfft(second * np.hanning(RATE))).argmax() == pytest.approx(1000, abs=1)
