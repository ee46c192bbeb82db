"""The frame arithmetic against an enumeration of every way to cut small rooms."""

from functools import cache
from itertools import combinations, product

from hypothesis import given, settings
from hypothesis import strategies as st

from montage_pipeline.editing.packing import (
    CutRules,
    Piece,
    Room,
    ShortRoom,
    fill_exactly,
    longest_total,
    rooms_after,
    sums_of_short,
)
from montage_pipeline_tests.examples import examples

RULES = CutRules(hook_frames=5, min_frames=9, max_frames=15)
ROOMS = st.lists(st.tuples(st.integers(0, 70), st.integers(1, 4)), max_size=5)


@cache
def sums_of_room(frames: int, gap: int) -> frozenset[int]:
    """Every total that pieces cut one after the other from one room can have."""
    totals = {0}
    for length in range(RULES.min_frames, min(RULES.max_frames, frames) + 1):
        totals |= {length + rest for rest in sums_of_room(max(0, frames - length - gap), gap)}
    return frozenset(totals)


def sums_of_rooms(rooms: list[tuple[int, int]]) -> set[int]:
    totals = {0}
    for frames, gap in rooms:
        totals = {total + own for total in totals for own in sums_of_room(frames, gap)}
    return totals


@settings(max_examples=examples(3), deadline=None)
@given(ROOMS, st.integers(0, 200))
def test_longest_total_is_what_enumeration_finds(rooms: list[tuple[int, int]], limit: int) -> None:
    assert longest_total(rooms, RULES, limit) == max(
        total for total in sums_of_rooms(rooms) if total <= limit
    )


SHORT = st.lists(st.tuples(st.integers(3, 6), st.integers(5, 8)), max_size=3)


@settings(max_examples=examples(3), deadline=None)
@given(ROOMS, SHORT, st.integers(0, 3), st.integers(0, 200))
def test_short_cuts_fill_what_others_cannot(
    rooms: list[tuple[int, int]], short: list[tuple[int, int]], allowed: int, limit: int
) -> None:
    sums = {0}
    for count in range(1, min(allowed, len(short)) + 1):
        for chosen in combinations(short, count):
            lengths = product(*(range(least, most + 1) for least, most in chosen))
            sums |= {sum(each) for each in lengths}
    bits = sums_of_short(tuple(ShortRoom(*room) for room in short), allowed)
    assert {number for number in range(100) if bits >> number & 1} == sums
    totals = {total + own for total in sums_of_rooms(rooms) for own in sums}
    assert longest_total(rooms, RULES, limit, bits) == max(n for n in totals if n <= limit)


@settings(max_examples=examples(3), deadline=None)
@given(ROOMS, st.integers(1, 200), st.integers(RULES.min_frames, RULES.max_frames))
def test_fill_exactly_finds_pieces_whenever_enumeration_does(
    sizes: list[tuple[int, int]], total: int, preferred: int
) -> None:
    rooms = [Room(index, 3, 3 + frames, gap) for index, (frames, gap) in enumerate(sizes)]
    pieces = fill_exactly(rooms, RULES, total, preferred)
    assert bool(pieces) == (total in sums_of_rooms(sizes))
    if pieces:
        assert sum(piece.frames for piece in pieces) == total
        left = rooms
        for piece in pieces:
            assert RULES.min_frames <= piece.frames <= RULES.max_frames
            # Every piece must fit what its predecessors left, gaps included.
            assert any(
                r.stretch == piece.stretch and r.start <= piece.start and piece.end <= r.end
                for r in left
            )
            left = rooms_after(left, piece)


def test_a_piece_leaves_its_gap_on_both_sides() -> None:
    rooms = [Room(0, 0, 100, 2), Room(1, 0, 50, 1)]
    assert rooms_after(rooms, Piece(0, 40, 10)) == [
        Room(0, 0, 38, 2),
        Room(0, 52, 100, 2),
        Room(1, 0, 50, 1),
    ]
    assert rooms_after(rooms, Piece(1, 0, 50)) == [Room(0, 0, 100, 2)]
