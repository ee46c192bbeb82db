"""Joined recordings follow one another, and packets come before they are shown."""

from itertools import pairwise
from statistics import median_low

from hypothesis import given
from hypothesis import strategies as st

from montage_pipeline.footage.rebuilding.schedule import (
    HELD_TICKS,
    TICKS_HZ,
    Row,
    decoding_times,
    is_joined,
    joined_offsets,
    times_in_order,
    with_missing,
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
    at=st.integers(5, 90),
    leap=st.integers(61 * TICKS_HZ, 7200 * TICKS_HZ),
    made_up=st.booleans(),
)
def test_a_leap_of_the_whole_clock_is_closed(at: int, leap: int, made_up: bool) -> None:
    """`made_up`: what is shown first after the leap is decoded, as it seems, before."""
    rows = recording(0, 100)
    late = [row.pts >= at * FRAME for row in rows]
    leapt = [
        row._replace(
            pts=row.pts + leap,
            dts=row.dts if made_up and row.pts < (at + 2) * FRAME else row.dts + leap,
            duration=row.duration,
        )
        if is_late
        else row
        for row, is_late in zip(rows, late, strict=True)
    ]
    # Of the last frame before it MP4 says that it lasts until the leap is over.
    last = max(place for place, is_late in enumerate(late) if not is_late and not rows[place].track)
    leapt[last] = leapt[last]._replace(duration=leap + FRAME)

    assert is_joined(leapt, HELD_TICKS)
    offsets = joined_offsets(leapt, HELD_TICKS)
    shown = [row.pts + offset for row, offset in zip(leapt, offsets, strict=True)]
    video = [time for time, row in zip(shown, rows, strict=True) if row.track == 0]
    assert all(FRAME <= after - before <= 2 * FRAME for before, after in pairwise(video))
    apart = {
        time - row.pts for time, row, is_late in zip(shown, rows, late, strict=True) if is_late
    }
    assert len(apart) == 1, "sound keeps its place beside the video"


@given(
    start=st.integers(-(10**6), 10**9),
    frame=st.integers(1500, 9000),
    known=st.lists(st.booleans(), min_size=3, max_size=60),
)
def test_times_that_are_missing_are_those_of_the_pace(
    start: int, frame: int, known: list[bool]
) -> None:
    times = [start + frame * place for place in range(len(known))]
    told = [time if is_known else None for time, is_known in zip(times, known, strict=True)]
    found = with_missing(told)
    assert all(early < late for early, late in pairwise(found))
    places = [place for place, is_known in enumerate(known) if is_known]
    steps = [late - early for early, late in pairwise(places)]
    if steps and median_low(steps) == 1:
        assert found == times
    assert all(a == b for a, b, is_known in zip(found, times, known, strict=True) if is_known)


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
