"""Facts of generated files whose truth is known."""

from pathlib import Path

import numpy as np
import pytest

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.model import ClipFacts, FrameRate, Ratio
from montage_pipeline.footage.probe import probe, probe_with_notes
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline_tests.footage.media import H264, HEVC_10, fetched, make_clip
from montage_pipeline_tests.footage.strange import tagged_360

SILENCE = ("-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(
        tmp_path_factory.mktemp("probe") / "plain.mp4", output=(*H264, "-movflags", "+faststart")
    )


def facts_of(path: Path) -> ClipFacts:
    return probe(fetched(path))


def test_plain_clip(plain: Path) -> None:
    facts = facts_of(plain)
    assert (facts.width, facts.height, facts.sample_aspect) == (320, 180, None)
    assert (facts.rotation_deg, facts.mirrored) == (0, False)
    assert facts.fps == FrameRate(num=30, den=1)
    assert (facts.variable_frame_rate, facts.interlaced) == (False, False)
    assert facts.start_s == 0
    assert facts.duration_s == pytest.approx(2.0, abs=1e-3)
    assert (facts.video_codec, facts.pixel_format) == ("h264", "yuv420p")
    assert (facts.bit_depth, facts.full_range, facts.hdr) == (8, False, "sdr")
    assert (facts.audio_codec, facts.audio_stream) == (None, None)
    assert (facts.audio_channels, facts.audio_sample_rate) == (None, None)


@pytest.mark.parametrize(
    ("held", "turn", "mirrored"),
    [
        ("-display_rotation 90", 270, False),
        ("-display_rotation -90", 90, False),
        ("-display_rotation 180", 180, False),
        ("-display_hflip", 0, True),
        ("-display_vflip", 180, True),
        ("-display_rotation 90 -display_hflip", 90, True),
    ],
)
def test_turned_and_mirrored_cameras(
    plain: Path, tmp_path: Path, held: str, turn: int, mirrored: bool
) -> None:
    path = tmp_path / "held.mp4"
    run_ffmpeg(["-y", *held.split(), "-i", str(plain), "-c", "copy", str(path)])
    facts = probe(fetched(path))
    assert (facts.rotation_deg, facts.mirrored) == (turn, mirrored)
    assert (facts.width, facts.height) == ((180, 320) if turn in (90, 270) else (320, 180))
    assert (facts.coded_width, facts.coded_height) == (320, 180)


def test_pixels_that_are_not_square(tmp_path: Path) -> None:
    facts = facts_of(make_clip(tmp_path / "sar.mp4", filters="setsar=4/3", duration_s=0.5))
    assert (facts.width, facts.height, facts.coded_width) == (427, 180, 320)
    assert facts.sample_aspect == Ratio(num=4, den=3)
    assert facts.model_dump()["sample_aspect"] == {"num": 4, "den": 3}


def test_variable_frame_rate_is_seen_and_milliseconds_are_not_mistaken_for_it(
    tmp_path: Path,
) -> None:
    # Half at 30, half at 15 frames a second.
    uneven = "select='lt(t,1)+not(mod(n,2))'"
    as_selected = (*H264, "-fps_mode", "passthrough")
    varying = facts_of(make_clip(tmp_path / "vfr.mp4", filters=uneven, output=as_selected))
    assert varying.variable_frame_rate
    assert varying.duration_s == pytest.approx(2.0, abs=0.07)
    even = facts_of(make_clip(tmp_path / "cfr.mkv", rate="30000/1001"))
    assert not even.variable_frame_rate
    assert float(even.fps.fraction) == pytest.approx(29.97, abs=0.01)


def test_late_start_is_kept(tmp_path: Path) -> None:
    late = (*H264, "-f", "mpegts", "-muxdelay", "0.7")
    facts = facts_of(make_clip(tmp_path / "late.ts", output=late))
    assert facts.start_s == pytest.approx(1.4, abs=0.05)
    assert facts.duration_s == pytest.approx(2.0, abs=0.04)


def test_largest_real_video_stream_and_default_audio(plain: Path, tmp_path: Path) -> None:
    cover, path = tmp_path / "cover.png", tmp_path / "many.mp4"
    run_ffmpeg(["-y", "-f", "lavfi", "-i", "testsrc2=s=1280x720", "-frames:v", "1", str(cover)])
    inputs = [
        *("-f", "lavfi", "-i", "testsrc2=s=160x90:d=1"),
        *("-i", str(plain), "-i", str(cover)),
        *SILENCE,
        *("-f", "lavfi", "-i", "sine=r=44100"),
    ]
    order = [word for stream in ("3", "0:v", "1:v", "2:v", "4") for word in ("-map", stream)]
    marks = [
        *("-disposition:v:2", "attached_pic"),
        *("-disposition:a:0", "0", "-disposition:a:1", "default"),
    ]
    coded = [*H264, "-c:v:2", "png", "-c:a", "aac"]
    run_ffmpeg(["-y", *inputs, *order, "-t", "1", *coded, *marks, str(path)])
    found = probe_with_notes(fetched(path))
    assert (found.facts.width, found.facts.height) == (320, 180)
    assert found.facts.audio_sample_rate == 44100
    assert any("2 video tracks" in note for note in found.notes)


@pytest.mark.parametrize(
    ("transfer", "primaries", "hdr"),
    [
        ("arib-std-b67", "bt2020", "hlg"),
        ("smpte2084", "bt2020", "pq"),
        ("arib-std-b67", "bt709", "sdr"),
        ("bt709", "bt709", "sdr"),
    ],
)
def test_hdr_needs_transfer_and_primaries(
    tmp_path: Path, transfer: str, primaries: str, hdr: str
) -> None:
    matrix = "bt2020nc" if primaries == "bt2020" else "bt709"
    tags = f"color_primaries={primaries}:color_trc={transfer}:colorspace={matrix}:range=limited"
    path = make_clip(
        tmp_path / "hdr.mp4", filters=f"setparams={tags}", duration_s=0.3, output=HEVC_10
    )
    facts = facts_of(path)
    assert (facts.hdr, facts.bit_depth) == (hdr, 10)
    assert (facts.color_space, facts.video_codec) == (matrix, "hevc")


def test_full_range(tmp_path: Path) -> None:
    path = make_clip(
        tmp_path / "full.mp4",
        filters="scale=out_range=full,format=yuvj420p",
        duration_s=0.3,
        output=H264[:4],
    )
    assert facts_of(path).full_range


def test_interlaced(tmp_path: Path) -> None:
    path = make_clip(
        tmp_path / "woven.mp4",
        filters="interlace",
        rate="50",
        duration_s=0.5,
        output=(*H264, "-flags", "+ilme+ildct", "-x264-params", "tff=1"),
    )
    assert facts_of(path).interlaced


def test_cut_short_file_gives_what_is_there(plain: Path, tmp_path: Path) -> None:
    whole = make_clip(
        tmp_path / "long.mp4", duration_s=6, output=(*H264, "-g", "15", "-movflags", "+faststart")
    )
    short = tmp_path / "short.mp4"
    short.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    found = probe_with_notes(fetched(short))
    assert 1.5 < found.facts.duration_s < 4.5
    assert any("cut short" in note for note in found.notes)


@pytest.mark.parametrize(
    ("name", "codecs"),
    [
        ("call.flv", (*H264, "-c:a", "aac")),
        ("call.wmv", ("-c:v", "wmv2", "-g", "10", "-c:a", "wmav2")),
    ],
)
def test_a_recording_that_follows_and_cannot_be_read_is_said(
    name: str, codecs: tuple[str, ...], tmp_path: Path
) -> None:
    tone = ("-f", "lavfi", "-i", "sine=440:duration=8")
    one = make_clip(tmp_path / name, before=tone, duration_s=8, output=(*codecs, "-shortest"))
    assert probe_with_notes(fetched(one)).notes == ()
    joined = tmp_path / f"joined-{name}"
    joined.write_bytes(2 * one.read_bytes())
    found = probe_with_notes(fetched(joined))
    assert found.facts.duration_s == pytest.approx(8, abs=0.2)
    [note] = found.notes
    assert "another recording follows" in note


def test_what_cannot_be_used_says_why(plain: Path, tmp_path: Path) -> None:
    def code(path: Path) -> ErrorCode:
        with pytest.raises(PermanentError) as caught:
            probe(fetched(path))
        return caught.value.code

    headless = make_clip(tmp_path / "whole.mp4")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(headless.read_bytes()[:-4000])  # the index is at the end of this one
    assert code(cut) == ErrorCode.CLIP_UNREADABLE
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(b"\x00\x00\x00\x20ftypisom" + np.random.default_rng(1).bytes(50_000))
    assert code(noise) == ErrorCode.CLIP_UNREADABLE
    sound = tmp_path / "sound.mp4"
    run_ffmpeg(["-y", *SILENCE, "-t", "1", "-c:a", "aac", str(sound)])
    assert code(sound) == ErrorCode.CLIP_NO_VIDEO
    single = make_clip(tmp_path / "single.mp4", output=(*H264, "-frames:v", "1"))
    assert code(single) == ErrorCode.CLIP_NO_VIDEO
    assert (
        code(make_clip(tmp_path / "speck.mp4", size="8x8", duration_s=0.2))
        == ErrorCode.CLIP_BAD_SIZE
    )
    assert (
        code(make_clip(tmp_path / "strip.mp4", size="2000x20", duration_s=0.2))
        == ErrorCode.CLIP_BAD_SIZE
    )


@pytest.mark.parametrize(
    "text",
    ["#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{0}\n", "ffconcat version 1.0\nfile '{0}'\n"],
)
def test_playlist_opens_nothing(plain: Path, tmp_path: Path, text: str) -> None:
    playlist = tmp_path / "list.mp4"
    playlist.write_text(text.format(plain))
    with pytest.raises(PermanentError) as caught:
        probe(fetched(playlist))
    assert caught.value.code == ErrorCode.CLIP_UNREADABLE


def test_what_is_used_of_3d_and_360_video_is_said(tmp_path: Path) -> None:
    both_eyes = (*H264, "-x264-params", "frame-packing=3")
    found = probe_with_notes(
        fetched(make_clip(tmp_path / "3d.mp4", duration_s=0.5, output=both_eyes))
    )
    assert found.notes == (
        "it is 3D video (both eyes side by side); the picture of the left eye is shown",
    )
    around = tagged_360(make_clip(tmp_path / "plain.mp4", duration_s=0.5), tmp_path / "360.mp4")
    found = probe_with_notes(fetched(around))
    assert found.notes == ("it is 360° video; a flat view of 90° straight ahead is shown",)
    assert found.facts.width == found.facts.height == 102  # 320 pixels / pi


def test_3d_video_that_no_eye_is_taken_of_is_left_out_and_said(tmp_path: Path) -> None:
    in_turn = (*H264, "-x264-params", "frame-packing=5")
    with pytest.raises(PermanentError, match=r"3D video .the eyes in turn.*one eye") as caught:
        probe(fetched(make_clip(tmp_path / "3d.mp4", duration_s=0.5, output=in_turn)))
    assert caught.value.code == ErrorCode.CLIP_NOT_FLAT
