"""What is heard: in time, without clicks, with gaps where it is damaged, ducked, at the target
loudness.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from montage_pipeline.errors import PermanentError
from montage_pipeline.media.loudness import measure_loudness
from montage_pipeline.rendering.audio.master import loudness_verdict
from montage_pipeline.rendering.audio.mix import mixed_sound
from montage_pipeline.rendering.audio.reading import read_sound
from montage_pipeline.rendering.check import check_file
from montage_pipeline.rendering.model import RenderEngine
from montage_pipeline.rendering.render import render_checked
from montage_pipeline_tests.rendering.audio.sounds import voice
from montage_pipeline_tests.rendering.conftest import ClipMaker
from montage_pipeline_tests.rendering.counters import CounterClip, facts_of
from montage_pipeline_tests.rendering.edits import (
    Cut,
    music_of,
    paths_of,
    sound_of,
    timeline_of,
    write_wav,
)

_BLIPS = "aevalsrc='0.5*sin(2*PI*1000*t)*lt(mod(t,0.5),0.03)':duration=3:sample_rate=44100"
_TONE = "sine=frequency={}:duration=3:sample_rate=48000"
_HUSH = -90.0  # dB: music that cannot be heard


def _first_loud(sound: NDArray[np.float32], after_s: float, share: float = 0.3) -> float:
    begin = round(after_s * 48_000)
    level = np.abs(sound[begin:]).max(axis=1)
    return after_s + int(np.argmax(level > share * np.abs(sound).max())) / 48_000


@pytest.mark.parametrize(
    "source",
    [
        CounterClip("blips.mp4", frames=90, audio=_BLIPS),
        CounterClip("blips-late.mp4", frames=90, audio=_BLIPS, output=("-output_ts_offset", "1.7")),
        CounterClip("blips.mkv", frames=90, audio=_BLIPS, output=("-c:a", "libopus")),
        CounterClip("blips.ts", frames=90, audio=_BLIPS, output=("-c:a", "mp2")),
        pytest.param(
            CounterClip("blips.mov", frames=90, audio=_BLIPS, output=("-c:a", "pcm_s16le")),
            marks=pytest.mark.slow,
        ),
    ],
    ids=lambda source: source.name,
)
def test_clip_sound_stays_with_its_frames(
    source: CounterClip, ffmpeg_engine: RenderEngine, clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    made = clip(source)
    cuts = [Cut(made, 1.3, 20), Cut(made, 0.35, 31)]
    timeline = timeline_of(cuts, gain_db=_HUSH)
    output = tmp_path / "reel.mp4"
    ffmpeg_engine.render(timeline, paths_of(cuts), music, output, lambda share: None)
    sound = sound_of(output)
    # Blips are at 0.0, 0.5, 1.0 … of the sound track, which starts where the frame does, but for
    # the container's rounding.
    assert _first_loud(sound, 0.05) == pytest.approx(0.2, abs=0.004)
    assert _first_loud(sound, 0.5) == pytest.approx(20 / 30 + 0.15, abs=0.004)


def test_a_little_slower_sound_stays_with_its_frames_at_its_own_pitch(
    clip: ClipMaker, music: Path
) -> None:
    made = clip(CounterClip("blips.mp4", frames=90, audio=_BLIPS))
    cuts = [Cut(made, 1.3, 20), Cut(made, 0.35, 60, speed=0.97)]
    timeline = timeline_of(cuts, gain_db=_HUSH)
    mix = mixed_sound(timeline, paths_of(cuts), music).sound
    assert _first_loud(mix, 0.5) == pytest.approx(20 / 30 + 0.15 / 0.97, abs=0.005)
    second_s = 20 / 30 + 0.65 / 0.97
    assert _first_loud(mix, second_s - 0.2) == pytest.approx(second_s, abs=0.005)
    blip = mix[round((second_s + 0.004) * 48_000) :][:1024, 0] * np.hanning(1024)
    assert np.argmax(np.abs(np.fft.rfft(blip, 48_000))) == pytest.approx(1000, abs=15)


def test_slow_motion_is_silent_but_for_the_music(clip: ClipMaker, music: Path) -> None:
    hum = clip(CounterClip("hum.mp4", frames=90, audio=_TONE.format(200)))
    cuts = [Cut(hum, 0.1, 20), Cut(hum, 1.0, 40, speed=0.5), Cut(hum, 2.2, 20)]
    mix = mixed_sound(timeline_of(cuts, gain_db=_HUSH), paths_of(cuts), music).sound
    slow = slice(round(0.7 * 48_000), round(1.95 * 48_000))
    assert np.abs(mix[slow]).max() < 1e-3
    assert np.abs(mix[: slow.start - 4_000]).max() > 0.05
    assert np.abs(mix[slow.stop + 4_000 :]).max() > 0.05


def test_long_reels_do_not_drift(clip: ClipMaker, music: Path) -> None:
    made = clip(CounterClip("blips.mp4", frames=90, audio=_BLIPS))
    cuts = [Cut(made, 0.4, 7) for _ in range(60)]
    timeline = timeline_of(cuts, fps=(30000, 1001), gain_db=_HUSH)
    mix = mixed_sound(timeline, paths_of(cuts), music).sound
    assert len(mix) == round(420 * 48_000 * 1001 / 30000)
    last_cut_s = 413 * 1001 / 30000
    assert _first_loud(mix, last_cut_s + 0.01) == pytest.approx(last_cut_s + 0.1, abs=0.002)


def _click_db(sound: NDArray[np.float32], at: int) -> float:
    """How far the energy at a place rises above the spectrum of its neighbours: the worst third of
    an octave above 1 kHz, in dB.
    """
    window = np.hanning(1024)[:, None]

    def bands(middle: int) -> NDArray[np.float64]:
        power = (np.abs(np.fft.rfft(sound[middle - 512 : middle + 512] * window, axis=0)) ** 2).sum(
            axis=1
        )
        edges = np.geomspace(22, 512, 14).astype(int)
        return np.array([power[low:high].mean() for low, high in pairwise(edges)])

    here = np.max([bands(at + shift) for shift in (-240, 0, 240)], axis=0)
    around = np.max(
        [bands(at + shift) for shift in (-6_000, -4_500, -3_000, 3_000, 4_500, 6_000)], axis=0
    )
    return float(
        10 * np.log10((here / (around + 1e-5)).max())
    )  # 80 dB below the tones nothing is heard beside them


def test_cuts_do_not_click(clip: ClipMaker, music: Path) -> None:
    hum = clip(CounterClip("hum.mp4", frames=90, audio=_TONE.format(200)))
    other = clip(CounterClip("hum-other.mp4", frames=90, audio=_TONE.format(131)))
    mute = clip(CounterClip("mute.mp4", frames=90))
    # Jumps in the same tone, between tones, into silence, and to the first sample a clip has.
    cuts = [
        Cut(hum, 0.1, 12),
        Cut(hum, 1.2345, 12),
        Cut(other, 0.777, 12),
        Cut(mute, 1.0, 12),
        Cut(hum, 0.0, 12),
        Cut(other, 0.0, 12),
    ]
    timeline = timeline_of(cuts, gain_db=_HUSH)
    mix = mixed_sound(timeline, paths_of(cuts), music).sound
    places = [frame * 1_600 for frame in timeline.cut_frames]
    assert max(_click_db(mix, place) for place in places) < 3
    assert np.abs(mix[:20]).max() < 0.01
    assert np.abs(mix[-20:]).max() < 0.01
    # The same sound joined without fades does click, by this measure.
    stream = facts_of(hum).audio_stream
    assert stream is not None
    hard = np.concatenate(
        [read_sound(hum.path, stream, start_s, 19_200) for start_s in (0.1, 1.2345)]
    )
    assert _click_db(hard, 19_200) > 15


def test_only_the_crossfade_touches_the_neighbours(clip: ClipMaker, music: Path) -> None:
    hum = clip(CounterClip("hum.mp4", frames=90, audio=_TONE.format(200)))
    cuts = [Cut(hum, 0.1, 30), Cut(hum, 1.2345, 30)]
    mix = mixed_sound(timeline_of(cuts, gain_db=_HUSH), paths_of(cuts), music).sound
    stream = facts_of(hum).audio_stream
    assert stream is not None
    first = read_sound(hum.path, stream, facts_of(hum).start_s + 0.1, 48_000)
    assert np.abs(mix[2_000 : 48_000 - 500] - first[2_000 : 48_000 - 500]).max() < 1e-3


def test_music_dips_under_speech_and_stays_so_in_the_finished_file(
    ffmpeg_engine: RenderEngine, clip: ClipMaker, media: Path, tmp_path: Path
) -> None:
    spoken = write_wav(media / "voice.wav", voice(3.0))
    time_s = np.arange(10 * 48_000) / 48_000
    music = write_wav(tmp_path / "steady.wav", 0.3 * np.sin(2 * np.pi * 220 * time_s))
    silent = clip(CounterClip("mute.mp4", frames=90))
    talking = clip(CounterClip("talking.mp4", frames=90, audio=f"amovie={spoken}"))
    cuts = [Cut(silent, 0.1, 70), Cut(talking, 0.1, 70)]
    timeline = timeline_of(cuts, duck_db=-9.0, fade_out_s=0.0)
    output = tmp_path / "reel.mp4"
    ffmpeg_engine.render(timeline, paths_of(cuts), music, output, lambda share: None)
    sound = sound_of(output)[:, 0]
    alone, under = (_level_at(sound[round(begin * 48_000) :][:48_000], 220) for begin in (0.8, 3.2))
    assert alone - under == pytest.approx(9.0, abs=0.7)
    assert check_file(output, timeline).loudness_lufs == pytest.approx(-14, abs=0.5)


@pytest.mark.parametrize("level", [0.02, 0.9], ids=["faint", "loud"])
def test_loudness_of_faint_and_loud_music(
    level: float, ffmpeg_engine: RenderEngine, clip: ClipMaker, tmp_path: Path
) -> None:
    music = music_of(tmp_path / "music.wav", 8, level)
    cuts = [
        Cut(clip(CounterClip("mute.mp4", frames=90)), 0.0, 90),
        Cut(clip(CounterClip("mute.mp4", frames=90)), 0.0, 90),
    ]
    timeline = timeline_of(cuts)
    output = tmp_path / "reel.mp4"
    ffmpeg_engine.render(timeline, paths_of(cuts), music, output, lambda share: None)
    loudness = measure_loudness(output)
    assert loudness.integrated_lufs == pytest.approx(-14, abs=0.5)
    assert loudness.true_peak_dbtp <= -1.0


def test_sharp_claps_keep_the_true_peak(
    ffmpeg_engine: RenderEngine, clip: ClipMaker, tmp_path: Path
) -> None:
    claps = np.random.default_rng(2).normal(0, 1, 8 * 48_000) * np.exp(
        -(np.arange(8 * 48_000) % 24_000) / 1_500
    )
    music = write_wav(tmp_path / "claps.wav", 0.3 * claps)
    cuts = [Cut(clip(CounterClip("mute.mp4", frames=90)), 0.0, 90)]
    timeline = timeline_of(cuts)
    output = tmp_path / "reel.mp4"
    ffmpeg_engine.render(timeline, paths_of(cuts), music, output, lambda share: None)
    loudness = measure_loudness(output)
    assert loudness.true_peak_dbtp <= -1.0
    assert loudness_verdict(loudness, -14, -1) in ("on_target", "peak_limited")


def test_silence_does_not_become_noise(
    ffmpeg_engine: RenderEngine, clip: ClipMaker, tmp_path: Path
) -> None:
    hiss = np.random.default_rng(3).normal(0, 0.0003, (5 * 48_000, 2))
    music = write_wav(tmp_path / "hiss.wav", hiss)
    cuts = [Cut(clip(CounterClip("mute.mp4", frames=90)), 0.0, 60)]
    timeline = timeline_of(cuts)
    output = tmp_path / "reel.mp4"
    ffmpeg_engine.render(timeline, paths_of(cuts), music, output, lambda share: None)
    assert np.abs(sound_of(output)).max() < 0.01
    check_file(output, timeline)


def test_music_is_never_looped(engine: RenderEngine, clip: ClipMaker, tmp_path: Path) -> None:
    music = music_of(tmp_path / "music.wav", 3)
    cuts = [Cut(clip(CounterClip("mute.mp4", frames=90)), 0.0, 75)]
    timeline = timeline_of(cuts, source_in_s=1.0)
    with pytest.raises(
        PermanentError, match=r"the music is 3.00 s long and the Reel needs it until 3.50 s"
    ) as failure:
        engine.render(
            timeline, paths_of(cuts), music, tmp_path / "out" / "reel.mp4", lambda share: None
        )
    assert failure.value.code == "music_too_short"
    assert list((tmp_path / "out").iterdir()) == []


def test_music_that_ends_a_moment_early_ends_softly(clip: ClipMaker, tmp_path: Path) -> None:
    """50 ms, by which a file of the right length may miss it: more than a frame."""
    tone = 0.5 * np.sin(2 * np.pi * 220 * np.arange(round(2.45 * 48_000)) / 48_000)
    music = write_wav(tmp_path / "music.wav", tone)
    cuts = [Cut(clip(CounterClip("mute.mp4", frames=90)), 0.0, 75)]
    mix = mixed_sound(timeline_of(cuts, fade_out_s=0.1), paths_of(cuts), music).sound
    assert np.abs(mix[-2_300:]).max() < 1e-4
    assert np.abs(np.diff(mix[-6_000:], axis=0)).max() < 0.02


def _level_at(sound: NDArray[np.float32], hertz: float) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    peak = round(hertz * len(sound) / 48_000)
    return float(20 * np.log10(spectrum[peak - 3 : peak + 4].max()))


@pytest.mark.parametrize(
    ("music", "told"),
    [
        pytest.param(0.3 * np.sin(np.arange(4 * 48_000) / 20), "", id="a tone"),
        pytest.param(
            0.9 * (np.arange(4 * 48_000) % 48_000 == 2_000), "LU quieter than usual", id="clicks"
        ),
        pytest.param(np.zeros(4 * 48_000), "Nothing can be heard", id="silence"),
    ],
)
def test_sound_that_is_not_as_loud_as_usual_is_told(
    music: NDArray[np.float64],
    told: str,
    ffmpeg_engine: RenderEngine,
    clip: ClipMaker,
    tmp_path: Path,
) -> None:
    cuts = [Cut(clip(CounterClip("mute.mp4", frames=90)), 0.0, 60)]
    path = write_wav(tmp_path / "music.wav", music)
    reel = render_checked(
        timeline_of(cuts), paths_of(cuts), path, tmp_path, ffmpeg_engine, lambda share: None
    )
    assert all(told in warning for warning in reel.warnings)
    assert len(reel.warnings) == bool(told)
