"""Joined recordings follow one another, and packets come before they are shown."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from montage_pipeline.footage.rebuilding.schedule import (
    Row,
    decoding_times,
    is_joined,
    joined_offsets,
    times_in_order,
)

FRAME, SOUND = 3600, 1920  # ticks of a frame at 25 a second, and of 1024 samples at 48 kHz


def recording(start: int, frames: int) -> list[Row]:
    """Video and sound of one recording, interleaved as muxers do."""
    video = [Row(0, start + n * FRAME, start + n * FRAME - FRAME, FRAME) for n in range(frames)]
    sounds = frames * FRAME // SOUND
    audio = [Row(1, start + n * SOUND, start + n * SOUND, SOUND) for n in range(sounds)]
    return sorted(video + audio, key=lambda row: (row.dts, row.track))


LENGTHS = st.lists(st.integers(min_value=50, max_value=120), min_size=1, max_size=4)


@given(lengths=LENGTHS, start=st.integers(min_value=-(10**6), max_value=10**9))
def test_recordings_follow_one_another(lengths: list[int], start: int) -> None:
    parts = [recording(start, frames) for frames in lengths]
    rows = [row for part in parts for row in part]
    offsets = joined_offsets(rows)

    assert is_joined(rows) == (len(parts) > 1)
    shown = [row.pts + offset for row, offset in zip(rows, offsets, strict=True) if row.track == 0]
    assert shown[0] == start
    assert len(shown) == sum(lengths)
    assert all(FRAME <= after - before <= 2 * FRAME for before, after in pairwise(shown))
    # Sound keeps its place beside the video of its own recording.
    begin = 0
    for part in parts:
        assert len(set(offsets[begin : begin + len(part)])) == 1
        begin += len(part)


@given(
    order=st.permutations(range(30)), gaps=st.lists(st.integers(1, 9000), min_size=30, max_size=30)
)
def test_packets_come_before_they_are_shown(order: list[int], gaps: list[int]) -> None:
    times = [sum(gaps[: place + 1]) for place in range(30)]
    shown = times_in_order(times, order)
    assert [shown[packet] for packet in order] == times

    decoded = decoding_times(shown)
    assert all(early < late for early, late in pairwise(decoded))
    assert all(early <= late for early, late in zip(decoded, shown, strict=True))
    assert any(early == late for early, late in zip(decoded, shown, strict=True))
