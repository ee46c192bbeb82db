"""What is seen and what is heard stay together, whatever the container does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

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


@pytest.mark.parametrize("rare", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_flash_and_beep_stay_together(
    rare: bool, clip: ClipMaker, music: Path, tmp_path: Path, ffmpeg_engine: RenderEngine
) -> None:
    aac, copy = ("-c:a", "aac"), ("-c", "copy")
    plain = clip(_blinking("blink.mp4", extra=aac))
    b_frames = ("-c:v", "libx264", "-bf", "3", "-b_strategy", "0", "-g", "30")
    uneven = f"{_BLINK},select='not(mod(n,2))+lt(mod(n,30),8)'"
    if rare:
        clips = [
            clip(_blinking("b.mov", extra=("-c:a", "pcm_s16le"), video=b_frames, rate=44_100)),
            clip(_blinking("old.avi", video=("-c:v", "mpeg4"), extra=("-c:a", "libmp3lame"))),
            clip(_blinking("sixty.mp4", fps="60000/1001", extra=aac, frames=190, rate=32_000)),
            clip(_blinking("surround.mp4", extra=(*aac, "-ac", "6"))),
            clip(_blinking("frame-short.mp4", extra=aac, frames=60)),
            remuxed(plain, "sync-late.mov", *copy, "-output_ts_offset", "2.5"),
            remuxed(plain, "sync-cut.ts", *copy, "-muxdelay", "0"),
        ]
    else:
        clips = [
            plain,
            clip(
                _blinking("late.mkv", extra=("-c:a", "flac"), output=("-output_ts_offset", "1.234"))
            ),
            clip(
                _blinking(
                    "hour.ts",
                    extra=("-c:a", "mp2"),
                    video=(*MPEG2, "-bf", "2"),
                    fps="25",
                    output=("-output_ts_offset", "3600"),
                )
            ),
            clip(
                _blinking(
                    "web.webm",
                    video=("-c:v", "libvpx", "-deadline", "realtime"),
                    extra=("-c:a", "libopus"),
                )
            ),
            clip(_blinking("flash.flv", video=("-c:v", "flv"), extra=aac, rate=44_100)),
            clip(_blinking("uneven.mp4", filters=uneven, extra=aac)),
            clip(_blinking("sound-late.mp4", extra=(*aac, "-af", "atrim=start=0.4"))),
            clip(_blinking("sound-short.mp4", extra=(*aac, "-af", "atrim=end=1.0"))),
            remuxed(plain, "sync-trimmed.mp4", *copy, before=("-ss", "0.41")),
            remuxed(plain, "sync-fragments.mp4", *copy, "-movflags", "+frag_keyframe+empty_moov"),
        ]
    cuts = [Cut(made, 0.31, 39) for made in clips]
    timeline = timeline_of(cuts)
    frames = rendered(ffmpeg_engine, cuts, music, tmp_path, music_db=-120)
    sound = np.abs(sound_of(tmp_path / "reel.mp4")).max(axis=1)
    apart: dict[str, list[float]] = {}
    for number, facts in enumerate(timeline.clips):
        bright = [frame.mean() > 128 for frame in frames[39 * number : 39 * number + 39]]
        heard = sound[48_000 * 39 * number // 30 : 48_000 * 39 * (number + 1) // 30]
        flashes = [frame / 30 for frame in range(2, 39) if bright[frame] and not bright[frame - 1]]
        loud = heard > 0.2 * heard.max()
        beeps = [
            sample / 48_000
            for sample in np.flatnonzero(loud)
            if sample > 2000 and not loud[sample - 2000 : sample].any()
        ]
        name = facts.url.rsplit("/", 1)[1]
        assert len(flashes) == 2, name
        assert len(beeps) == (1 if name == "sound-short.mp4" else 2), name
        apart[name] = [min((beep - flash for flash in flashes), key=abs) for beep in beeps]
    assert {
        name: gaps for name, gaps in apart.items() if max(map(abs, gaps)) > 1 / 30 + 0.002
    } == {}
