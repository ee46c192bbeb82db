"""Damaged stretches: what a broken packet spoils belongs to no shot, and nothing else is lost."""

from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from montage_pipeline.footage.decoding.damage import DamageLog, without
from montage_pipeline.footage.decoding.packets import read_packets
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.footage.probe import probe
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.spans import Span
from montage_pipeline_tests.footage.media import fetched, filmed, scenery

RATE, LONG_S, GOP = 15, 8, 30
CODECS: dict[str, tuple[str, ...]] = {
    "h264": (
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-crf",
        "20",
        "-bf",
        "3",
        "-g",
        str(GOP),
        "-sc_threshold",
        "0",
    ),
    "hevc": (
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-crf",
        "20",
        "-x265-params",
        f"keyint={GOP}:bframes=3:open-gop=0:log-level=error",
    ),
    "mpeg2": (
        "-c:v",
        "mpeg2video",
        "-q:v",
        "3",
        "-bf",
        "2",
        "-g",
        str(GOP),
        "-sc_threshold",
        "1000000000",
    ),
}


def pictures(path: Path) -> dict[float, NDArray[np.int16]]:
    """Luma by time, as far as it decodes."""
    shown = {}
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.InvalidDataError:
                continue
            for frame in frames:
                shown[round(float(frame.pts * stream.time_base), 3)] = frame.to_ndarray(
                    format="gray"
                ).astype(np.int16)
    return shown


def broken(clean: Path, at_s: float, how: str) -> Path:
    """A copy without the bytes of all pictures of a fifth of a second (`lost`), or with noise in
    the largest of them (`noise`).
    """
    content = bytearray(clean.read_bytes())
    with av.open(str(clean)) as container:
        timed = [
            packet
            for packet in container.demux(container.streams.video[0])
            if packet.pts is not None
        ]
    near = [
        packet
        for packet in timed
        if at_s <= packet.pts * packet.time_base < at_s + 0.2 and not packet.is_keyframe
    ]
    if how == "lost":
        for packet in near:
            content[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    else:
        largest = max(near, key=lambda packet: packet.size)
        first, count = largest.pos + largest.size // 3, largest.size // 2
        content[first : first + count] = np.random.default_rng(4).bytes(count)
    path = clean.with_name(f"{how}-{clean.name}")
    path.write_bytes(content)
    return path


# Noise inside a picture of HEVC decodes to some picture or other, and no decoder tells.
@pytest.mark.parametrize(
    ("codec", "how"),
    [
        ("h264", "lost"),
        ("h264", "noise"),
        ("hevc", "lost"),
        *(pytest.param("mpeg2", how, marks=pytest.mark.slow) for how in ("lost", "noise")),
    ],
)
def test_pictures_that_a_broken_packet_spoils_are_in_no_shot(
    tmp_path: Path, codec: str, how: str
) -> None:
    source = filmed(scenery(tmp_path / "view.png", seed=9), "x=20+3*n:y=20").format(
        size="320x180", rate=RATE
    )
    clean = tmp_path / f"{codec}.mp4"
    run_ffmpeg(
        [
            "-y",
            "-f",
            "lavfi",
            "-t",
            str(LONG_S),
            "-i",
            source,
            *CODECS[codec],
            "-pix_fmt",
            "yuv420p",
            str(clean),
        ]
    )
    path = broken(clean, 2.6, how)
    before, after = pictures(clean), pictures(path)
    spoilt = [
        time_s
        for time_s, picture in before.items()
        if time_s not in after or float(np.abs(after[time_s] - picture).mean()) > 2
    ]
    assert spoilt, "the damage must show, or nothing is tested"
    facts = probe(fetched(path))
    whole = measure(path, facts, (), read_packets(path, facts))
    assert all(
        not any(shot.start_s <= time_s < shot.end_s for shot in whole.shots) for time_s in spoilt
    )
    assert 0 < sum(span.duration_s for span in whole.damaged) <= (GOP + 8) / RATE
    kept_s = sum(shot.duration_s for shot in whole.shots)
    assert kept_s >= LONG_S - (GOP + 9) / RATE
    assert measure(clean, facts).damaged == ()
    beside = measure(path, facts, (Span(4.1, 6.0),), read_packets(path, facts))
    assert beside.damaged == (), "the next key frame heals it"


def test_damage_ends_with_the_next_key_frame() -> None:
    log = DamageLog(0.1, threads=2)
    for place in range(40):
        log.fed(place / 10, key=place % 10 == 0)
        if place == 14:
            log.failed()
    log.wrong(2.5)
    assert log.spans(Span(0, 4)) == (Span(pytest.approx(0.8), 2.0), Span(pytest.approx(2.1), 3.0))  # type: ignore[comparison-overlap]
    assert log.spans(Span(3.0, 4.0)) == ()
    shots = without((Span(0, 2.5), Span(2.5, 4)), log.spans(Span(0, 4)), 0.25)
    assert shots == (Span(0, pytest.approx(0.8)), Span(3.0, 4))  # type: ignore[comparison-overlap]
