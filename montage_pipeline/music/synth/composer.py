"""The local composer: writes, plays, mixes and encodes a piece on this machine."""

from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from montage_pipeline.music.composer import ComposedMusic, MusicBrief
from montage_pipeline.music.model import BeatGrid
from montage_pipeline.music.synth.arrangement import BEATS_A_BAR, Arrangement, arrange
from montage_pipeline.music.synth.performance import perform
from montage_pipeline.music.synth.sound.mixdown import mix_down
from montage_pipeline.music.synth.sound.samples import SAMPLE_RATE, Stereo
from montage_pipeline.styles import style_of

MODEL = "montage-band-2"
"""What documents call the composer; raised when the same brief no longer gives the same samples."""

_SEEDS = 2**63
"""NumPy takes no negative seeds; a brief may carry any whole number."""

_FLAC_BLOCK = 4096
"""Samples encoded at a time: a usual block of FLAC at 48 kHz."""


class LocalComposer:
    """Composes by rule and by chance: the seed decides key, chords, groove, tune and band.

    The same brief gives the same samples. The beat grid is known, not found.
    """

    def compose(self, brief: MusicBrief, workdir: Path) -> ComposedMusic:
        """Write `music.flac` (48 kHz stereo 16-bit, first beat at 0 s) into `workdir`."""
        piece, sound = render(brief)
        path = workdir / "music.flac"
        write_flac(path, sound, brief.seed)
        facts = f"{piece.style}, {piece.key.name}, {piece.bpm:.2f} BPM, {piece.bars} bars"
        return ComposedMusic(
            path=path,
            content_type="audio/flac",
            duration_s=len(sound) / SAMPLE_RATE,
            grid=beat_grid(piece),
            mood=brief.mood,
            prompt=f"{brief.prompt} [{facts}]",
            composer="local",
            model=MODEL,
            seed=brief.seed,
        )


def render(brief: MusicBrief) -> tuple[Arrangement, Stereo]:
    """The form of the piece and its samples (n x 2, full scale 1.0, 48 kHz)."""
    seed = brief.seed % _SEEDS
    rng = np.random.default_rng((seed, style_of(brief.style).music.salt))
    piece = arrange(brief.style, brief.mood, brief.bpm, brief.duration_s, rng)
    return piece, mix_down(piece, perform(piece, rng), seed)


def beat_grid(piece: Arrangement) -> BeatGrid:
    """Every beat from the first through the last chord's; while that rings nothing is struck."""
    beats = np.arange(piece.bars * BEATS_A_BAR + 1) * piece.beat_s
    beats_s = tuple(round(float(beat), 5) for beat in beats)
    return BeatGrid(
        bpm=piece.bpm,
        beats_s=beats_s,
        downbeats_s=beats_s[::BEATS_A_BAR],
        strong_s=tuple(beats_s[section.first_bar * BEATS_A_BAR] for section in piece.sections),
        confidence=1.0,
        source="composed",
    )


def write_flac(path: Path, sound: Stereo, seed: int) -> None:
    """16-bit FLAC with dither; samples n x 2 in -1..1."""
    quantised = _quantised(sound, seed)
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=SAMPLE_RATE)
        stream.layout = "stereo"
        stream.format = "s16"
        for first in range(0, len(quantised), _FLAC_BLOCK):
            block = np.ascontiguousarray(quantised[first : first + _FLAC_BLOCK]).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="stereo")
            frame.sample_rate = SAMPLE_RATE
            frame.pts = first
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _quantised(sound: Stereo, seed: int) -> NDArray[np.int16]:
    """The samples in 16 bits, with triangular dither of half a step either way."""
    rng = np.random.default_rng((seed % _SEEDS, 14))
    dither = rng.random(sound.shape, dtype=np.float32) - rng.random(sound.shape, dtype=np.float32)
    scaled = np.rint(sound * np.float32(32767) + dither * np.float32(0.5))
    return np.clip(scaled, -32768, 32767).astype(np.int16)
