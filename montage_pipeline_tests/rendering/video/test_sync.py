"""What is seen and what is heard stay together, whatever the container does."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.rendering.model import RenderEngine
from montage_pipeline_tests.rendering.conftest import ClipMaker
from montage_pipeline_tests.rendering.counters import CounterClip
from montage_pipeline_tests.rendering.edits import Cut, sound_of, timeline_of
from montage_pipeline_tests.rendering.sources import MPEG2, remuxed
from montage_pipeline_tests.rendering.video.any_source import rendered

# Whole numbers of frames at every rate used, so that a file has flash and beep at the same time.
_FLASH_S, _EVERY_S = 0.07, 0.6
_ON = f"lt(mod(t,{_EVERY_S}),{_FLASH_S})"
_BEEP = f"aevalsrc='0.5*sin(2*PI*1000*t)*{_ON}':d=3.2:s={{rate}}{{layout}}"
_BLINK = f"drawbox=c=black:t=fill,drawbox=c=white:t=fill:enable='{_ON}'"


def _blinking(
    name: str,
    *,
    fps: str = "30",
    rate: int = 48_000,
    layout: str = "",
    filters: str = _BLINK,
    frames: int = 96,
    **more: Any,
) -> CounterClip:
    """White for a moment again and again, and a beep at the same time."""
    return CounterClip(
        name,
        fps=fps,
        frames=frames,
        width=96,
        height=96,
        filters=filters,
        audio=_BEEP.format(rate=rate, layout=layout),
        **more,
    )


_AAC, _COPY = ("-c:a", "aac"), ("-c", "copy")
_B_FRAMES = ("-c:v", "libx264", "-bf", "3", "-b_strategy", "0", "-g", "30")
_UNEVEN = f"{_BLINK},select='not(mod(n,2))+lt(mod(n,30),8)'"
_VP8 = ("-c:v", "libvpx", "-threads", "1", "-deadline", "realtime")
_AN_HOUR = ("-output_ts_offset", "3600")

_PLAIN = _blinking("blink.mp4", extra=_AAC)
_COMMON = [
    _PLAIN,
    _blinking("late.mkv", extra=("-c:a", "flac"), output=("-output_ts_offset", "1.234")),
    _blinking(
        "hour.ts", extra=("-c:a", "mp2"), video=(*MPEG2, "-bf", "2"), fps="25", output=_AN_HOUR
    ),
    _blinking("web.webm", video=_VP8, extra=("-c:a", "libopus")),
    _blinking("flash.flv", video=("-c:v", "flv"), extra=_AAC, rate=44_100),
    _blinking("uneven.mp4", filters=_UNEVEN, extra=_AAC),
    _blinking("sound-late.mp4", extra=(*_AAC, "-af", "atrim=start=0.4")),
    _blinking("sound-short.mp4", extra=(*_AAC, "-af", "atrim=end=1.0")),
]
_RARE = [
    _blinking("b.mov", extra=("-c:a", "pcm_s16le"), video=_B_FRAMES, rate=44_100),
    _blinking("old.avi", video=("-c:v", "mpeg4"), extra=("-c:a", "libmp3lame")),
    _blinking("sixty.mp4", fps="60000/1001", extra=_AAC, frames=190, rate=32_000),
    _blinking("surround.mp4", extra=(*_AAC, "-ac", "6")),
    _blinking("video-short.mp4", extra=_AAC, frames=60),
]

_FRAMES = 39
"""Shown of each clip: two flashes and two beeps."""


@pytest.mark.parametrize("rare", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_flash_and_beep_stay_together(
    rare: bool, clip: ClipMaker, music: Path, tmp_path: Path, ffmpeg_engine: RenderEngine
) -> None:
    clips = [*map(clip, _RARE if rare else _COMMON), *_remuxed(clip(_PLAIN), rare=rare)]
    cuts = [Cut(made, 0.31, _FRAMES) for made in clips]
    timeline = timeline_of(cuts)
    frames = rendered(ffmpeg_engine, cuts, music, tmp_path, music_db=-120)
    sound = np.abs(sound_of(tmp_path / "reel.mp4")).max(axis=1)

    apart: dict[str, list[float]] = {}
    for number, facts in enumerate(timeline.clips):
        first, end = _FRAMES * number, _FRAMES * (number + 1)
        flashes = _flashes(frames[first:end])
        beeps = _beeps(sound[48_000 * first // 30 : 48_000 * end // 30])
        name = facts.url.rsplit("/", 1)[1]
        assert len(flashes) == 2, name
        assert len(beeps) == (1 if name == "sound-short.mp4" else 2), name
        apart[name] = [min((beep - flash for flash in flashes), key=abs) for beep in beeps]
    allowed_s = 1 / 30 + 0.002
    assert {name: gaps for name, gaps in apart.items() if max(map(abs, gaps)) > allowed_s} == {}


def _remuxed(plain: FetchedClip, *, rare: bool) -> list[FetchedClip]:
    if rare:
        return [
            remuxed(plain, "sync-late.mov", *_COPY, "-output_ts_offset", "2.5"),
            remuxed(plain, "sync-cut.ts", *_COPY, "-muxdelay", "0"),
        ]
    return [
        remuxed(plain, "sync-trimmed.mp4", *_COPY, before=("-ss", "0.41")),
        remuxed(plain, "sync-fragments.mp4", *_COPY, "-movflags", "+frag_keyframe+empty_moov"),
    ]


def _flashes(frames: Sequence[NDArray[np.uint8]]) -> list[float]:
    """When the frame turns white, in seconds."""
    bright = [frame.mean() > 128 for frame in frames]
    return [
        number / 30 for number in range(2, len(frames)) if bright[number] and not bright[number - 1]
    ]


def _beeps(sound: NDArray[np.float32]) -> list[float]:
    """When it is loud after 40 ms of quiet, in seconds."""
    loud = sound > 0.2 * sound.max()
    return [
        float(sample) / 48_000
        for sample in np.flatnonzero(loud)
        if sample > 2000 and not loud[sample - 2000 : sample].any()
    ]
