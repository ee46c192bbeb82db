"""The local composer's pieces are in tune, in time, at the right level, long enough, never the same
for another seed.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from montage_pipeline.media.loudness import measure_loudness
from montage_pipeline.music.beats.tracker import decode_mono
from montage_pipeline.music.composer import SPARE_S, ComposedMusic
from montage_pipeline.music.synth.arrangement import arrange, fit_tempo, plan_sections
from montage_pipeline.music.synth.composer import LocalComposer, render
from montage_pipeline.music.synth.harmony import (
    BRIGHT_MODES,
    CHORD_SHAPES,
    MODES,
    Chord,
    Key,
    bass_pitch,
    settled,
    voice,
)
from montage_pipeline.music.synth.sound.instrument import Instrument, midi_to_hz
from montage_pipeline.music.synth.sound.mixing import integrated_lufs
from montage_pipeline.music.synth.sound.patches import PATCHES
from montage_pipeline.music.synth.sound.samples import SAMPLE_RATE
from montage_pipeline.music.track import store_track
from montage_pipeline.styles import STYLES
from montage_pipeline_tests.music.pieces import REEL_S, brief_for

if TYPE_CHECKING:
    from montage_pipeline.storage.object_store import ObjectStore


def samples_of(path: Path) -> NDArray[np.float64]:
    """Samples x 2 at the file's own rate."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray().reshape(-1, 2) for frame in container.decode(audio=0)]
    return np.concatenate(frames) / 32768.0


@pytest.mark.parametrize("style", list(STYLES))
def test_a_piece_can_go_under_a_reel_as_it_is(pieces: dict[str, ComposedMusic], style: str) -> None:
    music = pieces[style]
    loudness = measure_loudness(music.path)
    assert loudness.integrated_lufs == pytest.approx(-14.0, abs=0.5)
    assert loudness.true_peak_dbtp < -1.0
    sound = samples_of(music.path)
    assert len(sound) / SAMPLE_RATE == pytest.approx(music.duration_s, abs=1e-3)
    assert music.duration_s >= REEL_S + SPARE_S
    assert np.abs(sound.mean(axis=0)).max() < 1e-3, "no DC"
    assert not np.allclose(sound[:, 0], sound[:, 1]), "stereo"
    together = sound.sum(axis=1)
    assert np.square(together).mean() > 1.5 * np.square(sound[:, 0] - sound[:, 1]).mean(), (
        "survives a phone's single loudspeaker"
    )

    def level_db(first_s: float, last_s: float) -> float:
        part = sound[int(first_s * SAMPLE_RATE) : int(last_s * SAMPLE_RATE)]
        return float(10 * np.log10(np.square(part).mean() + 1e-12))

    assert level_db(0.0, 0.4) > -24, "hits at once"
    assert level_db(music.duration_s - 0.05, music.duration_s) < -55, "rings out"
    assert (
        max(level_db(start, start + 1) for start in range(int(REEL_S) - 1))
        - level_db(REEL_S, REEL_S + 1)
        < 14
    ), "still sounds at the Reel's end"


@pytest.mark.parametrize("style", list(STYLES))
def test_a_piece_is_balanced(pieces: dict[str, ComposedMusic], style: str) -> None:
    mono = samples_of(pieces[style].path).mean(axis=1)
    whole = mono[: len(mono) // 8192 * 8192].reshape(-1, 8192) * np.hanning(8192)
    power = np.square(np.abs(np.fft.rfft(whole, axis=1))).mean(axis=0)
    hz = np.fft.rfftfreq(8192, 1 / SAMPLE_RATE)

    def share_db(low: float, high: float) -> float:
        return float(10 * np.log10(power[(hz >= low) & (hz < high)].sum() / power.sum()))

    assert share_db(0, 25) < -22, "no rumble"
    assert -9 < share_db(30, 250) < -0.5, "a bottom"
    assert share_db(250, 2000) > -9, "a body"
    assert -30 < share_db(2000, 8000) < -9, "neither dull nor harsh"
    assert share_db(17_500, 24_000) < -34, "nothing above the band"


def test_grid_is_known_and_covers_the_file(pieces: dict[str, ComposedMusic]) -> None:
    for music in pieces.values():
        grid = music.grid
        assert (grid.source, grid.confidence, grid.beats_s[0]) == ("composed", 1.0, 0.0)
        assert np.diff(grid.beats_s) == pytest.approx(60 / grid.bpm, abs=1e-4)
        assert grid.beats_s[-1] > music.duration_s - 60 / grid.bpm - 0.1
        assert grid.downbeats_s == grid.beats_s[::4]


def test_same_seed_same_file_other_seed_another_piece(tmp_path: Path) -> None:
    files = []
    for number, seed in enumerate((8, 8, 9)):
        folder = tmp_path / str(number)
        folder.mkdir()
        files.append(
            LocalComposer().compose(brief_for("food", seed=seed, duration_s=8.0), folder).path
        )
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    assert digests[0] == digests[1] != digests[2]
    one, other = decode_mono(files[0]), decode_mono(files[2])
    count = min(len(one), len(other))
    assert abs(np.corrcoef(one[:count], other[:count])[0, 1]) < 0.3


@pytest.mark.parametrize("style", list(STYLES))
def test_seeds_differ_in_what_is_played(style: str) -> None:
    pieces = [
        arrange(style, "", 100, 30.0, SPARE_S, np.random.default_rng(seed)) for seed in range(24)
    ]
    assert len({(piece.key, piece.chords, tuple(piece.groove.full)) for piece in pieces}) >= 22
    assert len({piece.key.tonic for piece in pieces}) >= 7
    assert len({piece.chords for piece in pieces}) >= 12


@pytest.mark.parametrize(("mood", "bright"), [("dark and tense", False), ("happy, sunny", True)])
def test_mood_leans_on_the_mode(mood: str, bright: bool) -> None:
    modes = [
        arrange("travel", mood, 100, 20.0, SPARE_S, np.random.default_rng(seed)).key.mode
        for seed in range(60)
    ]
    share = sum((mode in BRIGHT_MODES) == bright for mode in modes) / len(modes)
    assert share > 0.6


def test_every_length_and_tempo_ends_on_a_bar_just_before_the_reel_does() -> None:
    for reel_s in np.arange(7.0, 90.5, 2.5):
        for bpm in range(50, 201, 10):
            exact, bars = fit_tempo(float(bpm), float(reel_s))
            assert exact == pytest.approx(bpm, rel=0.045)
            left_s = reel_s - bars * 4 * 60 / exact
            assert 0.0 < left_s < 4.1, (reel_s, bpm)


def test_sections_fill_the_piece_and_start_with_the_hook() -> None:
    for bars in range(1, 130):
        sections = plan_sections(bars)
        assert sections[0].name == "hook"
        assert [section.first_bar for section in sections[1:]] == [
            section.end_bar for section in sections[:-1]
        ]
        assert sections[-1].end_bar == bars
        assert all(section.bars > 0 for section in sections)


def test_harmony_keeps_to_the_chord_and_moves_little() -> None:
    key = Key(2, "dorian")
    previous = None
    for root in (0, 3, 4, 1, 6, 0):
        chord = Chord(root, "seventh")
        notes = voice(chord, key, previous, 60)
        assert {note % 12 for note in notes} == set(chord.pitch_classes(key))
        assert list(notes) == sorted(notes)
        assert abs(np.mean(notes) - 60) < 9
        if previous:
            assert np.mean([min(abs(note - old) for old in previous) for note in notes]) <= 4
        assert bass_pitch(chord, key) % 12 == notes[0] % 12 or bass_pitch(chord, key) % 12 in {
            note % 12 for note in notes
        }
        previous = notes


@pytest.mark.parametrize("mode", list(MODES))
def test_no_chord_grates(mode: str) -> None:
    key = Key(4, mode)
    for root in range(7):
        for shape in CHORD_SHAPES:
            chord = settled(Chord(root, shape), key)
            pitches = [key.pitch(degree) - key.pitch(chord.root) for degree in chord.degrees()]
            assert 6 not in pitches, "no tritone on the root"
            assert not {1, 13} & set(pitches), "no minor ninth"


@pytest.mark.parametrize("name", ["supersaw", "saw_bass", "square_lead", "stab", "strings"])
def test_high_notes_do_not_alias(name: str) -> None:
    pitch = 91
    sound = Instrument(PATCHES[name], 3).note(pitch, 1.0, 1.0)[:, 0].astype(np.float64)
    power = np.square(np.abs(np.fft.rfft(sound * np.blackman(len(sound)))))
    hz = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    ratio = hz / midi_to_hz(pitch)
    near_partial = (np.abs(ratio - np.rint(ratio)) < 0.2) & (ratio > 0.5)
    assert power[~near_partial & (hz > 200)].sum() < 1e-3 * power.sum()


def test_the_composers_own_loudness_agrees_with_ffmpeg(pieces: dict[str, ComposedMusic]) -> None:
    path = pieces["dynamic"].path
    assert integrated_lufs(samples_of(path).astype(np.float32)) == pytest.approx(
        measure_loudness(path).integrated_lufs, abs=0.3
    )


def test_the_shortest_slowest_piece_still_works() -> None:
    piece, sound = render(brief_for("minimal", duration_s=7.0, bpm=50, mood="calm"))
    assert len(sound) / SAMPLE_RATE >= 7.0 + SPARE_S
    assert 0 < piece.final_s < 7.0
    assert integrated_lufs(sound) == pytest.approx(-14, abs=0.5)


def test_a_track_in_the_store_is_the_file_with_its_facts(
    pieces: dict[str, ComposedMusic], object_store: "ObjectStore", tmp_path: Path
) -> None:
    music = pieces["minimal"]
    track = store_track(music, object_store, "1234")
    assert track.key == "work/1234/music.flac"
    assert track.content_type == "audio/flac"
    object_store.download(track.key, tmp_path / "back.flac")
    body = (tmp_path / "back.flac").read_bytes()
    assert body == music.path.read_bytes()
    assert (track.bytes, track.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert track.loudness_lufs == pytest.approx(-14, abs=0.5)
    assert (track.composer, track.grid, track.provider_request_id) == ("local", music.grid, None)
