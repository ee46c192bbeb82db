"""A rebuilt clip shows the frames of the sound one it was made of, each at its time, also after a
seek; and a sound file is left alone.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from montage_pipeline.footage.fetching.fetch import ClipFetcher
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.footage.model import ClipFacts, FetchedClip
from montage_pipeline.footage.probe import probe
from montage_pipeline.footage.rebuilding.copying import rebuild
from montage_pipeline.footage.rebuilding.messages import X264_MARK
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.settings import Settings
from montage_pipeline_tests.footage.media import fetched, indexed
from montage_pipeline_tests.footage.strange import (
    FRAMES,
    LONG_S,
    RATE,
    copied,
    joined,
    leapt,
    old_x264,
    packed_as_divx,
    plain_clip,
    unstamped,
)

pytestmark = pytest.mark.usefixtures("bare_footage")

JOINED = ("joined", "joined_fragments", "joined_calls", "disc")
FRAGMENTED = ("-movflags", "frag_keyframe+empty_moov+default_base_moof")

MAKERS: dict[str, Callable[[Path, Path], Path]] = {
    "avi": lambda clip, folder: copied(clip, folder / "b.avi", "-an"),
    "no_ctts": lambda clip, folder: copied(
        clip, folder / "no-ctts.mp4", "-an", "-bsf:v", "setts=pts=DTS"
    ),
    "packed": packed_as_divx,
    "unstamped": lambda clip, folder: unstamped(clip, folder / "before-zero.mkv"),
    "leapt": lambda clip, folder: leapt(clip, folder / "leapt.mkv", after_s=2.6),
    "leapt_live": lambda clip, folder: copied(
        leapt(clip, folder / "leapt-first.mkv", after_s=2.6), folder / "live.mkv", "-live", "1"
    ),
    "leapt_mp4": lambda clip, folder: leapt(clip, folder / "leapt.mp4", after_s=2),
    "leapt_no_ctts": lambda clip, folder: leapt(
        clip, folder / "leapt-no-ctts.mkv", after_s=2.6, reordered=False
    ),
    "wrap": lambda clip, folder: copied(
        clip, folder / "wrap.ts", "-output_ts_offset", "95441", "-muxdelay", "0"
    ),
    "joined": lambda clip, folder: joined(
        folder / "joined.ts",
        copied(clip, folder / "first.ts"),
        copied(plain_clip(folder, 2), folder / "second.ts"),
    ),
    "joined_fragments": lambda clip, folder: joined(
        folder / "joined.mp4",
        copied(clip, folder / "first.mp4", *FRAGMENTED),
        copied(plain_clip(folder, 2), folder / "second.mp4", *FRAGMENTED),
    ),
    "joined_calls": lambda clip, folder: joined(
        folder / "joined.webm",
        call(clip, folder / "first.webm"),
        call(plain_clip(folder, 2), folder / "second.webm"),
    ),
    "disc": lambda clip, folder: joined(
        folder / "VTS_01_1.VOB",
        programme(clip, folder / "first.vob"),
        programme(plain_clip(folder, 2), folder / "second.vob"),
    ),
}

# Rebuilt by the steps that another kind is rebuilt by, in another container.
RARER = ("leapt_live", "leapt_mp4", "joined_fragments", "disc")

ON_DISC = ("-c:v", "mpeg2video", "-bf", "2", "-q:v", "4", "-c:a", "ac3", "-s", "720x576")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rebuilt")


@pytest.fixture(scope="module")
def plain(folder: Path) -> Path:
    return plain_clip(folder)


@pytest.fixture
def fetcher(tmp_path: Path) -> ClipFetcher:
    return ClipFetcher(Settings(local_files=True), None, tmp_path / "cache")


def lumas(path: Path) -> list[NDArray[np.int16]]:
    """Every frame of a file in order, decoded from its start."""
    with av.open(str(path)) as container:
        return [
            frame.to_ndarray(format="gray").astype(np.int16) for frame in container.decode(video=0)
        ]


class Content(NamedTuple):
    """A packet of video."""

    pts_s: float
    keyframe: bool
    content: bytes


def packets(path: Path) -> list[Content]:
    """The packets of a file's video, in its order."""
    with av.open(str(path)) as container:
        return [
            Content(float(packet.pts * packet.time_base), packet.is_keyframe, bytes(packet))
            for packet in container.demux(video=0)
            if packet.pts is not None and packet.time_base is not None
        ]


def programme(clip: Path, output: Path) -> Path:
    """A clip as one of a DVD's programmes, each of which counts its time from the start."""
    run_ffmpeg(["-y", "-i", str(clip), *ON_DISC, "-f", "vob", str(output)])
    return output


def call(clip: Path, output: Path) -> Path:
    """A clip as a browser records it: without an index, and in a codec that QuickTime lacks."""
    vp8 = ("-c:v", "libvpx", "-threads", "1", "-deadline", "realtime", "-cpu-used", "8", "-g", "25")
    run_ffmpeg(["-y", "-i", str(clip), *vp8, "-c:a", "libopus", "-live", "1", str(output)])
    return output


def true_lumas(kind: str, plain: Path, folder: Path) -> list[NDArray[np.int16]]:
    """The frames that a strange file holds, from the sound files it was made of."""
    sound = {
        "joined": (plain, folder / "plain-2.mov"),
        "joined_fragments": (plain, folder / "plain-2.mov"),
        "joined_calls": (folder / "first.webm", folder / "second.webm"),
        "packed": (folder / "mpeg4.mov",),
        "disc": (folder / "first.vob", folder / "second.vob"),
    }
    return [luma for path in sound.get(kind, (plain,)) for luma in lumas(path)]


def clip_of(fetcher: ClipFetcher, path: Path) -> tuple[FetchedClip, ClipFacts]:
    clip = fetcher.fetch(str(path))
    return clip, probe(clip)


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=pytest.mark.slow) if kind in RARER else kind for kind in MAKERS],
)
def test_every_frame_is_shown_at_its_time(
    kind: str, plain: Path, folder: Path, fetcher: ClipFetcher
) -> None:
    strange = MAKERS[kind](plain, folder)
    expected = true_lumas(kind, plain, folder)
    assert len(expected) == (2 * FRAMES if kind in JOINED else FRAMES)

    clip, facts = clip_of(fetcher, strange)
    assert clip.rebuilt
    assert facts.rebuilt
    assert clip.path != strange
    assert facts.sha256 == fetched(strange).sha256
    assert facts.start_s == pytest.approx(0, abs=1e-3)
    assert facts.duration_s == pytest.approx(len(expected) / RATE, abs=0.1)

    shown = lumas(clip.path)
    assert len(shown) == len(expected)
    assert all(np.array_equal(a, b) for a, b in zip(shown, expected, strict=True))
    measured = measure(indexed(clip.path))
    assert not measured.damaged
    assert measured.decoded_frames == len(expected)
    assert sum(shot.duration_s for shot in measured.shots) > len(expected) / RATE - 0.2


def test_the_renderer_is_led_to_the_same_copy(plain: Path, folder: Path, tmp_path: Path) -> None:
    strange = MAKERS["avi"](plain, folder)
    settings = Settings(local_files=True)
    with ClipFetcher(settings, None, tmp_path / "cache") as first:
        facts = probe(first.fetch(str(strange)))
    with ClipFetcher(settings, None, tmp_path / "elsewhere") as second:
        copy = Path(second.reach(facts, 1.0))
        assert copy != strange
        assert probe(FetchedClip(**facts_as_clip(facts), path=copy)) == facts
        # An analysis made before files were rebuilt names times of the file itself.
        old = facts.model_copy(update={"rebuilt": False})
        assert second.reach(old, 1.0) == strange


def facts_as_clip(facts: ClipFacts) -> dict[str, object]:
    return facts.model_dump(include={"url", "sha256", "bytes", "version", "rebuilt"})


def test_messages_of_the_first_packet_are_there_after_a_seek(
    folder: Path, fetcher: ClipFetcher
) -> None:
    old = old_x264(folder)
    clip = fetcher.fetch(str(old))
    assert clip.rebuilt

    before, after = packets(old), packets(clip.path)
    message = X264_MARK + b"x264 - core 142"
    assert [message in packet.content for packet in before] == [True] + [False] * (FRAMES - 1)
    assert [packet.pts_s for packet in after] == pytest.approx([row.pts_s for row in before])
    for given, made in zip(before, after, strict=True):
        assert made.content.endswith(given.content)
        assert (message in made.content) == made.keyframe == given.keyframe


def test_sound_files_are_left_alone(plain: Path, folder: Path) -> None:
    for name, options in {
        "plain.mkv": (),
        "plain.ts": (),
        "trimmed.mp4": ("-ss", "0.5"),
        "fragments.mp4": ("-movflags", "frag_keyframe+empty_moov+default_base_moof"),
    }.items():
        output = folder / "unneeded"
        assert not rebuild(copied(plain, folder / name, *options), output)
        assert not output.exists()


@pytest.mark.parametrize(
    ("name", "held_s", "heard_s"),
    [
        ("held.mp4", 90, 95),
        ("held.mkv", 50, 0),
        pytest.param("held.mkv", 90, 95, marks=pytest.mark.slow),
        pytest.param("held.mp4", 50, 0, marks=pytest.mark.slow),
    ],
)
def test_a_frame_that_is_held_is_no_leap(
    name: str, held_s: int, heard_s: int, plain: Path, folder: Path
) -> None:
    late = "if(gt(N,60),{0}+" + f"{held_s}/TB," + "{0})"
    video = f"setts=pts='{late.format('PTS')}':dts='{late.format('DTS')}'"
    sound = ("-f", "lavfi", "-t", f"{heard_s}", "-i", "sine", "-map", "1", "-c:a", "aac")
    held = folder / name
    run_ffmpeg(
        [
            *("-y", "-i", str(plain), *(sound if heard_s else ())),
            *("-map", "0:v", "-c:v", "copy", "-bsf:v", video, str(held)),
        ]
    )
    assert not rebuild(held, folder / "unneeded")


def test_decoding_times_that_run_ahead_are_no_damage(folder: Path) -> None:
    steady = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "250")
    clip = plain_clip(
        folder, 3, (*steady, "-vf", "select='not(between(n,30,33))'", "-fps_mode", "vfr")
    )
    late = copied(clip, folder / "vfr-late.mp4", "-an", "-bsf:v", "setts=dts=DTS-0.2/TB")
    measured = measure(indexed(late))
    assert not measured.damaged
    assert sum(shot.duration_s for shot in measured.shots) == pytest.approx(LONG_S, abs=0.05)


@pytest.mark.parametrize("name", ["squeezed.mp4", "squeezed.avi", "squeezed.mkv"])
def test_a_copy_keeps_the_shape_that_the_container_tells(
    name: str, plain: Path, folder: Path, fetcher: ClipFetcher
) -> None:
    """In spite of what the video says of itself, as players have it."""
    clock = ("-avoid_negative_ts", "disabled", "-output_ts_offset", "-1")
    unsaid, no_ctts = "h264_metadata=sample_aspect_ratio=1/1", "setts=pts=DTS"
    bitstream = f"{unsaid},{no_ctts}" if name.endswith(".mp4") else unsaid
    strange = copied(
        plain,
        folder / name,
        *("-an", "-bsf:v", bitstream, "-aspect", "32/9"),
        *(clock if name.endswith(".mkv") else ()),
    )
    clip, facts = clip_of(fetcher, strange)
    assert clip.rebuilt
    assert facts.sample_aspect is not None
    assert facts.sample_aspect.fraction == 2
    assert facts.width == pytest.approx(2 * facts.coded_width)
