"""The mixing desk measures loudness as FFmpeg does and keeps to its ceiling."""

import numpy as np
import pytest

from montage_pipeline.media.loudness import measure_loudness
from montage_pipeline.music.composer import ComposedMusic
from montage_pipeline.music.synth.sound.mixing import CEILING_DB, db, integrated_lufs, limit
from montage_pipeline.music.synth.sound.samples import SAMPLE_RATE
from montage_pipeline_tests.music.pieces import samples_of


def test_the_limiter_keeps_to_the_ceiling() -> None:
    noise = np.random.default_rng(1).standard_normal((SAMPLE_RATE, 2)).astype(np.float32)
    assert np.abs(limit(noise)).max() <= db(CEILING_DB) * 1.001


def test_the_composers_own_loudness_agrees_with_ffmpeg(pieces: dict[str, ComposedMusic]) -> None:
    path = pieces["dynamic"].path
    assert integrated_lufs(samples_of(path).astype(np.float32)) == pytest.approx(
        measure_loudness(path).integrated_lufs, abs=0.3
    )
