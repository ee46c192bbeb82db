"""The algebra of spans against a line of small cells, each inside a span or not."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from montage_pipeline.spans import Span, covered_s, joined, overlap_s, overlaps, without

CELLS = 40


@st.composite
def spans(draw: st.DrawFn) -> Span:
    start = draw(st.integers(0, CELLS - 1))
    return Span(start, draw(st.integers(start + 1, CELLS)))


def cells(*some: Span) -> set[int]:
    return {cell for span in some for cell in range(int(span.start_s), int(span.end_s))}


@given(spans(), spans())
def test_overlap_is_what_both_hold(one: Span, other: Span) -> None:
    shared = cells(one) & cells(other)
    assert overlap_s(one, other) == len(shared)
    assert overlaps(one, other) == bool(shared)


@given(st.lists(spans(), max_size=8))
def test_joined_spans_hold_the_same_time_in_order_and_apart(some: list[Span]) -> None:
    result = joined(some)
    assert cells(*result) == cells(*some)
    assert all(a.end_s < b.start_s for a, b in pairwise(result))


@given(st.lists(spans(), max_size=8), st.integers(0, 5))
def test_joined_spans_are_further_apart_than_the_gap(some: list[Span], gap_s: int) -> None:
    result = joined(some, gap_s)
    assert all(b.start_s - a.end_s > gap_s for a, b in pairwise(result))
    assert cells(*some) <= cells(*result)


@given(spans(), st.lists(spans(), max_size=8))
def test_what_is_left_is_what_no_closed_span_holds(span: Span, closed: list[Span]) -> None:
    left = without(span, closed)
    assert cells(*left) == cells(span) - cells(*closed)
    assert all(part.duration_s > 0 for part in left)
    assert left == sorted(left)


@given(spans(), st.lists(spans(), max_size=8))
def test_time_covered_twice_counts_once(span: Span, others: list[Span]) -> None:
    assert covered_s(span, others) == len(cells(span) & cells(*others))


def test_a_span_knows_its_length_its_middle_and_what_it_holds() -> None:
    span = Span(1.0, 3.0)
    assert (span.duration_s, span.middle_s) == (2.0, 2.0)
    assert span.holds(1.0)
    assert not span.holds(3.0)
