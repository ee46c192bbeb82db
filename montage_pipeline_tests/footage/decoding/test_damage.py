"""Damaged spans: what a broken packet spoils belongs to no shot, and nothing else is lost."""

from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from montage_pipeline.footage.decoding.damage import DamageLog
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.spans import Span
from montage_pipeline_tests.footage.media import filmed, indexed, make_clip, scenery

pytestmark = pytest.mark.usefixtures("bare_footage")

RATE, LONG_S, GOP = 15, 8, 30
CODECS: dict[str, tuple[str, ...]] = {
    "h264": (
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-bf", "3"),
        *("-g", str(GOP), "-sc_threshold", "0"),
    ),
    "hevc": (
        *("-c:v", "libx265", "-preset", "ultrafast", "-crf", "20"),
        *("-x265-params", f"keyint={GOP}:bframes=3:open-gop=0:log-level=error"),
    ),
    "mpeg2": (
        *("-c:v", "mpeg2video", "-q:v", "3", "-bf", "2"),
        *("-g", str(GOP), "-sc_threshold", "1000000000"),
    ),
}


class PacketPlace(NamedTuple):
    """Where in the file the bytes of a frame are."""

    time_s: float
    position: int
    size: int
    keyframe: bool


def frames_by_time(path: Path) -> dict[float, NDArray[np.int16]]:
    """Luma of each frame, as far as it decodes."""
    shown = {}
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.InvalidDataError:
                continue
            for frame in frames:
                assert frame.time is not None
                luma = frame.to_ndarray(format="gray").astype(np.int16)
                shown[round(float(frame.time), 3)] = luma
    return shown


def packet_places(path: Path) -> list[PacketPlace]:
    """Every packet of the clip that has a time."""
    places = []
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.video[0]):
            if packet.pts is not None and packet.pos is not None:
                time_s = float(packet.pts * packet.time_base)
                places.append(PacketPlace(time_s, packet.pos, packet.size, packet.is_keyframe))
    return places


def broken(clean: Path, at_s: float, how: str) -> Path:
    """A copy of a clip with a fifth of a second damaged.

    `lost`: without the bytes of all its frames; `noise`: with noise in the largest of them.
    """
    content = bytearray(clean.read_bytes())
    near = [
        packet
        for packet in packet_places(clean)
        if at_s <= packet.time_s < at_s + 0.2 and not packet.keyframe
    ]
    if how == "lost":
        for packet in near:
            content[packet.position : packet.position + packet.size] = bytes(packet.size)
    else:
        largest = max(near, key=lambda packet: packet.size)
        first, count = largest.position + largest.size // 3, largest.size // 2
        content[first : first + count] = np.random.default_rng(4).bytes(count)
    path = clean.with_name(f"{how}-{clean.name}")
    path.write_bytes(content)
    return path


# Noise inside a frame of HEVC decodes to some frame or other, and no decoder notices.
@pytest.mark.parametrize(
    ("codec", "how"),
    [
        ("h264", "lost"),
        ("h264", "noise"),
        pytest.param("hevc", "lost", marks=pytest.mark.slow),
        *(pytest.param("mpeg2", how, marks=pytest.mark.slow) for how in ("lost", "noise")),
    ],
)
def test_frames_that_a_broken_packet_spoils_are_in_no_shot(
    tmp_path: Path, codec: str, how: str
) -> None:
    clean = make_clip(
        tmp_path / f"{codec}.mp4",
        source=filmed(scenery(tmp_path / "view.png", seed=9), "x=20+3*n:y=20"),
        rate=str(RATE),
        duration_s=LONG_S,
        output=(*CODECS[codec], "-pix_fmt", "yuv420p"),
    )
    path = broken(clean, 2.6, how)
    before, after = frames_by_time(clean), frames_by_time(path)
    spoilt_s = [
        time_s
        for time_s, frame in before.items()
        if time_s not in after or float(np.abs(after[time_s] - frame).mean()) > 2
    ]
    assert spoilt_s, "the damage must show, or nothing is tested"

    clip = indexed(path)
    whole = measure(clip)
    assert not any(shot.holds(time_s) for time_s in spoilt_s for shot in whole.shots)
    assert 0 < sum(span.duration_s for span in whole.damaged) <= (GOP + 8) / RATE
    kept_s = sum(shot.duration_s for shot in whole.shots)
    assert kept_s >= LONG_S - (GOP + 9) / RATE
    assert measure(indexed(clean)).damaged == ()
    beside = measure(clip, (Span(4.1, 6.0),))
    assert beside.damaged == (), "the next keyframe heals it"


def test_damage_ends_with_the_next_keyframe() -> None:
    log = DamageLog(0.1, threads=2)
    for place in range(40):
        log.fed(place / 10, keyframe=place % 10 == 0)
        if place == 14:
            log.failed()
    log.corrupt(2.5)
    first, second = log.damaged(Span(0, 4))
    assert first == pytest.approx((0.8, 2.0))
    assert second == pytest.approx((2.1, 3.0))
    assert log.damaged(Span(3.0, 4.0)) == ()
