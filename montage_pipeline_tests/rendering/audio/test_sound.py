"""What is heard: in time, without clicks, with gaps where it is damaged, ducked, at the target
loudness.
"""

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from structlog.testing import capture_logs

from montage_pipeline.errors import PermanentError
from montage_pipeline.media.ffmpeg import run_ffmpeg
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
        CounterClip("blips.mov", frames=90, audio=_BLIPS, output=("-c:a", "pcm_s16le")),
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


@pytest.mark.parametrize("codec", ["aac", "mp2", "flac"])
def test_damaged_packets_leave_a_quiet_gap_and_a_line_in_the_log(
    codec: str, clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    whole = clip(
        CounterClip(
            f"sound-{codec}.mkv", frames=90, audio=_TONE.format(200), output=("-c:a", codec)
        )
    )
    data = bytearray(whole.path.read_bytes())
    broken_s = []
    rng = np.random.default_rng(8)
    with av.open(str(whole.path)) as container:
        for packet in container.demux(audio=0):
            if (
                packet.pts is not None
                and packet.size > 60
                and 1.0 <= float(packet.pts * packet.time_base) < 1.2
            ):
                place = data.find(bytes(packet), packet.pos)
                assert place > 0
                data[place : place + packet.size] = bytes([0xFF]) + rng.bytes(packet.size - 1)
                broken_s.append(float(packet.pts * packet.time_base))
    assert broken_s
    damaged = whole.model_copy(
        update={"url": f"https://clips.test/damaged-{codec}.mkv", "path": tmp_path / "3f2a.mkv"}
    )
    damaged.path.write_bytes(data)
    cuts = [Cut(damaged, 0.2, 60)]
    timeline = timeline_of(cuts, gain_db=_HUSH)
    with capture_logs() as logs:
        mix = mixed_sound(timeline, paths_of(cuts), music).sound
    warnings = [entry for entry in logs if entry["event"] == "damaged_sound_left_out"]
    assert [entry["clip"] for entry in warnings] == [damaged.url]
    assert warnings[0]["packets"] >= 1
    assert 0.9 < warnings[0]["from_s"] <= warnings[0]["to_s"] < 1.25
    good = np.concatenate([mix[4_800:33_600], mix[57_600:90_000]])
    reference = mixed_sound(
        timeline_of([Cut(whole, 0.2, 60)], gain_db=_HUSH), {whole.url: whole.path}, music
    ).sound
    assert (
        np.abs(good - np.concatenate([reference[4_800:33_600], reference[57_600:90_000]])).max()
        < 0.02
    )


def test_samples_that_are_no_numbers_are_left_out(
    clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    import soundfile

    sound = 0.1 * np.sin(2 * np.pi * 200 * np.arange(3 * 48_000) / 48_000)
    sound[60_000:60_100] = np.nan
    sound[70_000] = 1e30
    soundfile.write(tmp_path / "odd.wav", sound, 48_000, subtype="FLOAT")
    made = clip(
        CounterClip(
            "odd.mov",
            frames=90,
            audio=f"amovie={tmp_path / 'odd.wav'}",
            output=("-c:a", "pcm_f32le"),
        )
    )
    cuts = [Cut(made, 0.2, 60)]
    with capture_logs() as logs:
        mix = mixed_sound(timeline_of(cuts, gain_db=_HUSH), paths_of(cuts), music).sound
    assert np.isfinite(mix).all()
    assert np.abs(mix).max() <= 4.1
    assert [entry["clip"] for entry in logs] == [made.url]


def test_layouts_rates_and_short_tracks(clip: ClipMaker) -> None:
    surround = clip(
        CounterClip(
            "surround.mp4",
            frames=90,
            audio=_TONE.format(500) + ",pan=5.1|FC=c0",
            output=("-c:a", "aac", "-ac", "6"),
        )
    )
    mono = clip(
        CounterClip(
            "mono.mov",
            frames=90,
            audio=_TONE.format(500).replace("48000", "22050"),
            output=("-c:a", "pcm_s16le"),
        )
    )
    short = clip(
        CounterClip(
            "short.mov",
            frames=90,
            audio="sine=500:duration=1:sample_rate=8000",
            output=("-c:a", "pcm_s16le"),
        )
    )
    levels = {}
    for name, made in {"surround": surround, "mono": mono, "short": short}.items():
        stream = facts_of(made).audio_stream
        assert stream is not None
        sound = read_sound(made.path, stream, 0.5, 48_000)
        assert sound.shape == (48_000, 2)
        assert np.allclose(sound[:, 0], sound[:, 1], atol=1e-4)
        levels[name] = [
            20 * np.log10(np.sqrt((stretch**2).mean()) + 1e-9)
            for stretch in (sound[2_000:20_000], sound[28_000:])
        ]
    assert levels["mono"][0] == pytest.approx(
        -21.1, abs=0.3
    )  # FFmpeg's sine has an amplitude of 1/8
    assert levels["mono"][1] == pytest.approx(-21.1, abs=0.3)
    assert levels["surround"][0] == pytest.approx(
        -24.1, abs=0.5
    )  # the centre goes to both sides at -3 dB
    assert levels["short"][0] == pytest.approx(-21.1, abs=0.3)
    assert levels["short"][1] < -100


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


def test_a_clip_whose_sound_changes_its_rate_and_layout_keeps_its_pitch_and_place(
    tmp_path: Path,
) -> None:
    """Three recordings joined as cameras do: 48 kHz stereo, 22 kHz mono, 32 kHz in 5.1."""
    joined = tmp_path / "joined.ts"
    for number, (rate, channels) in enumerate(((48_000, 2), (22_050, 1), (32_000, 6))):
        part = tmp_path / f"{number}.ts"
        tone = f"sine=frequency=1000:sample_rate={rate}:duration=2"
        place = ["-output_ts_offset", str(2 * number), "-muxdelay", "0", "-muxpreload", "0"]
        encode = ["-ac", str(channels), "-c:a", "aac", *place, str(part)]
        run_ffmpeg(["-f", "lavfi", "-i", tone, *encode])
        with joined.open("ab") as file:
            file.write(part.read_bytes())

    sound = read_sound(joined, 0, 0.0, 6 * 48_000)
    for begin_s in (0.4, 2.4, 4.4):
        second = sound[round(begin_s * 48_000) :][:48_000, 0]
        spectrum = np.abs(np.fft.rfft(second * np.hanning(48_000)))
        assert spectrum.argmax() == pytest.approx(1000, abs=1)
        level_db = 20 * np.log10(np.sqrt((second**2).mean()))
        assert level_db == pytest.approx(-23, abs=3)


@pytest.mark.parametrize("rate", [8_000, 96_000, 192_000])
def test_sound_of_any_rate_is_in_time_and_at_its_pitch(rate: int, tmp_path: Path) -> None:
    """A tone that sets in at 1.25 s, read from 0.7 s on."""
    path = tmp_path / "tone.mov"
    tone = f"aevalsrc='0.5*sin(2*PI*1000*t)*gte(t,1.25)':sample_rate={rate}:duration=3"
    run_ffmpeg(["-f", "lavfi", "-i", tone, "-c:a", "pcm_s24le", str(path)])
    sound = read_sound(path, 0, 0.7, 96_000)
    assert int(np.argmax(np.abs(sound[:, 0]) > 0.1)) / 48_000 == pytest.approx(0.55, abs=0.001)
    assert np.abs(sound[:25_000]).max() < 0.01
    second = sound[40_000:88_000, 0]
    assert np.abs(np.fft.rfft(second * np.hanning(48_000))).argmax() == 1000
    assert np.sqrt((second**2).mean()) == pytest.approx(0.5 / 2**0.5, rel=0.01)


def test_a_clip_whose_sound_cannot_be_decoded_is_silent_and_said_not_fatal(
    clip: ClipMaker, music: Path, tmp_path: Path
) -> None:
    whole = clip(
        CounterClip("tail.mkv", frames=90, audio=_TONE.format(200), output=("-c:a", "flac"))
    )
    data = bytearray(whole.path.read_bytes())
    with av.open(str(whole.path)) as container:
        for packet in container.demux(audio=0):
            if packet.pts is not None and packet.pts * packet.time_base > 0.9:
                place = data.find(bytes(packet), packet.pos)
                data[place : place + packet.size] = bytes(packet.size)
    damaged = whole.model_copy(
        update={"url": "https://clips.test/tail.mkv", "path": tmp_path / "tail.mkv"}
    )
    damaged.path.write_bytes(data)

    cuts = [Cut(damaged, 0.1, 15), Cut(damaged, 1.8, 30)]
    sound, warnings = mixed_sound(timeline_of(cuts, gain_db=_HUSH), paths_of(cuts), music)
    assert np.abs(sound[2_000:20_000]).max() > 0.1
    assert np.abs(sound[26_000:]).max() < 0.01
    assert len(warnings) == 1
    assert "tail.mkv cannot be decoded where it is shown" in warnings[0]
