"""The drums of every kit peak at full scale and end in silence."""

import numpy as np
import pytest

from montage_pipeline.music.synth.sound.drums import KITS, kit


@pytest.mark.parametrize("name", KITS)
def test_every_drum_peaks_at_full_scale_and_ends_in_silence(name: str) -> None:
    for drum, sound in kit(np.random.default_rng(2), name).items():
        assert np.abs(sound).max() == pytest.approx(1.0, abs=1e-5), drum
        assert np.abs(sound[-1]).max() < 1e-6, drum
