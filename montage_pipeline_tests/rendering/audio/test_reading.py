"""Clips' sound of every rate and layout, or damaged: in place, at its pitch, else said."""

from collections.abc import Iterator
from math import inf
from pathlib import Path

import av
import numpy as np
import pytest
from structlog.typing import EventDict

from montage_pipeline.footage.rebuilding.copying import rebuild
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.rendering.audio.decoding import TimedFrame, gapless_runs, runs
from montage_pipeline.rendering.audio.mix import mixed_sound
from montage_pipeline.rendering.audio.reading import read_sound
from montage_pipeline.rendering.audio.samples import resampled
from montage_pipeline_tests.rendering.conftest import ClipMaker
from montage_pipeline_tests.rendering.counters import CounterClip, facts_of
from montage_pipeline_tests.rendering.edits import (
    Cut,
    paths_of,
    timeline_of,
)

_TONE = "sine=frequency={}:duration=3:sample_rate=48000"
_HUSH = -90.0  # dB: music that cannot be heard


@pytest.mark.parametrize("codec", ["aac", "mp2", "flac"])
def test_damaged_packets_leave_a_quiet_gap_and_a_line_in_the_log(
    codec: str, clip: ClipMaker, music: Path, tmp_path: Path, logged: list[EventDict]
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
    mix = mixed_sound(timeline, paths_of(cuts), music).sound
    warnings = [entry for entry in logged if entry["event"] == "damaged_sound_left_out"]
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
    clip: ClipMaker, music: Path, tmp_path: Path, logged: list[EventDict]
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
    mix = mixed_sound(timeline_of(cuts, gain_db=_HUSH), paths_of(cuts), music).sound
    assert np.isfinite(mix).all()
    assert np.abs(mix).max() <= 4.1
    assert [entry["clip"] for entry in logged] == [made.url]


def test_layouts_rates_and_short_tracks(clip: ClipMaker) -> None:
    surround = clip(
        CounterClip(
            "surround.mp4",
            frames=90,
            audio=_TONE.format(500) + ",pan=5.1|FC=c0",
            output=("-c:a", "aac", "-ac", "6"),
        )
    )
    cinema = clip(
        CounterClip(
            "cinema.mp4",
            frames=90,
            audio=_TONE.format(500) + ",pan=7.1|FC=c0",
            output=("-c:a", "aac", "-ac", "8"),
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
    made_of = {"surround": surround, "cinema": cinema, "mono": mono, "short": short}
    for name, made in made_of.items():
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
    assert levels["cinema"][0] == pytest.approx(levels["surround"][0], abs=0.2)
    assert levels["surround"][0] == pytest.approx(
        -24.1, abs=0.5
    )  # the centre goes to both sides at -3 dB
    assert levels["short"][0] == pytest.approx(-21.1, abs=0.3)
    assert levels["short"][1] < -100


@pytest.mark.parametrize("how", ["each with its time", "packed", "rebuilt"])
def test_a_clip_whose_sound_changes_its_rate_and_layout_keeps_its_pitch_and_place(
    how: str, tmp_path: Path
) -> None:
    """Three recordings joined as cameras do: 48 kHz stereo, 22 kHz mono, 32 kHz in 5.1.

    Packed, several packets of sound share one time; the clock of a clip that is rebuilt starts
    again with each recording.
    """
    joined = tmp_path / "joined.ts"
    for number, (rate, channels) in enumerate(((48_000, 2), (22_050, 1), (32_000, 6))):
        part = tmp_path / f"{number}.ts"
        tone = f"sine=frequency=1000:sample_rate={rate}:duration=2"
        frames = ["-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25:duration=2"]
        place = ["-output_ts_offset", str(0 if how == "rebuilt" else 2 * number)]
        if how == "each with its time":
            place += ["-muxdelay", "0", "-muxpreload", "0"]
        encode = ["-ac", str(channels), "-c:a", "aac", "-c:v", "mpeg2video", *place, str(part)]
        run_ffmpeg([*frames, "-f", "lavfi", "-i", tone, *encode])
        with joined.open("ab") as file:
            file.write(part.read_bytes())
    if how == "rebuilt":
        copy = tmp_path / "copy"
        assert rebuild(joined, copy)
        joined = copy

    with av.open(str(joined)) as container:
        start_s = float(container.start_time or 0) / av.time_base
    sound = read_sound(joined, 1, start_s, 6 * 48_000)
    for begin_s in (0.4, 2.4, 4.4):
        second = sound[round(begin_s * 48_000) :][:48_000, 0]
        spectrum = np.abs(np.fft.rfft(second * np.hanning(48_000)))
        assert spectrum.argmax() == pytest.approx(1000, abs=1)
        # A gap every few packets would be heard as noise beside the tone.
        beside = np.delete(spectrum, range(990, 1011))
        assert np.square(beside).sum() < 1e-3 * np.square(spectrum).sum()
        level_db = 20 * np.log10(np.sqrt((second**2).mean()))
        assert level_db == pytest.approx(-23, abs=3)


@pytest.mark.parametrize(
    "then",
    [("fltp", "stereo", 44_100), ("fltp", "mono", 48_000), ("s16p", "stereo", 48_000)],
    ids=["rate", "layout", "format"],
)
def test_frames_of_another_kind_are_not_joined_even_where_no_time_lies_between(
    then: tuple[str, str, int],
) -> None:
    def timed_frames() -> Iterator[TimedFrame]:
        time_s = 0.0
        for sample_format, layout, rate in (("fltp", "stereo", 48_000), then):
            for _ in range(3):
                kind = np.float32 if sample_format == "fltp" else np.int16
                samples = np.zeros((1 if layout == "mono" else 2, 1024), kind)
                frame = av.AudioFrame.from_ndarray(samples, format=sample_format, layout=layout)
                frame.sample_rate = rate
                yield time_s, frame
                time_s += 1024 / rate

    wanted = [("fltp", "stereo", 48_000, 3 * 1024), (*then, 3 * 1024)]
    joined = [frame for _, frame in runs(timed_frames(), inf)]
    for found in (joined, list(gapless_runs(timed_frames(), inf))):
        kinds = [(run.format.name, run.layout.name, run.sample_rate, run.samples) for run in found]
        assert kinds == wanted


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 96_000])
def test_sound_is_as_long_at_another_rate_to_the_sample(rate: int) -> None:
    for count in (1, 7, 100, 1024, 3001, rate):
        sound = np.full((count, 2), 0.5, np.float32)
        assert len(resampled(sound, rate)) == -(-count * 48_000 // rate)


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
