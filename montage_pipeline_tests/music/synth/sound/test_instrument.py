"""Instruments speak, fall silent without a click and stay inside their band."""

import numpy as np
import pytest

from montage_pipeline.music.synth.sound.instrument import Instrument, midi_to_hz
from montage_pipeline.music.synth.sound.patches import PATCHES
from montage_pipeline.music.synth.sound.samples import SAMPLE_RATE


@pytest.mark.parametrize("name", ["supersaw", "saw_bass", "square_lead", "stab", "strings"])
def test_high_notes_do_not_alias(name: str) -> None:
    pitch = 91
    sound = Instrument(PATCHES[name], 3).note(pitch, 1.0, 1.0)[:, 0].astype(np.float64)
    power = np.square(np.abs(np.fft.rfft(sound * np.blackman(len(sound)))))
    hz = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    ratio = hz / midi_to_hz(pitch)
    near_partial = (np.abs(ratio - np.rint(ratio)) < 0.2) & (ratio > 0.5)
    assert power[~near_partial & (hz > 200)].sum() < 1e-3 * power.sum()


@pytest.mark.parametrize("name", list(PATCHES))
def test_every_instrument_speaks_and_falls_silent(name: str) -> None:
    sound = Instrument(PATCHES[name], 1).note(48, 0.5, 0.7)
    assert sound.dtype == np.float32
    assert np.isfinite(sound).all()
    assert 0.05 < np.abs(sound).max() < 2.5
    assert np.abs(sound[-10:]).max() < 0.01, "ends without a click"


def test_a_note_is_synthesised_once() -> None:
    instrument = Instrument(PATCHES["grand"], 1)
    assert instrument.note(60, 0.5, 0.7) is instrument.note(60, 0.501, 0.72)
