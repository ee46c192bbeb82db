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


def cells(*all_spans: Span) -> set[int]:
    return {cell for span in all_spans for cell in range(int(span.start_s), int(span.end_s))}


@given(spans(), spans())
def test_overlap_is_what_both_hold(first: Span, second: Span) -> None:
    shared = cells(first) & cells(second)
    assert overlap_s(first, second) == len(shared)
    assert overlaps(first, second) == bool(shared)


@given(st.lists(spans(), max_size=8))
def test_joined_spans_hold_the_same_time_in_order_and_apart(given_spans: list[Span]) -> None:
    result = joined(given_spans)
    assert cells(*result) == cells(*given_spans)
    assert all(a.end_s < b.start_s for a, b in pairwise(result))


@given(st.lists(spans(), max_size=8), st.integers(0, 5))
def test_joined_spans_are_further_apart_than_the_gap(given_spans: list[Span], gap_s: int) -> None:
    result = joined(given_spans, gap_s)
    assert all(b.start_s - a.end_s > gap_s for a, b in pairwise(result))
    assert cells(*given_spans) <= cells(*result)


@given(spans(), st.lists(spans(), max_size=8))
def test_what_is_left_is_what_no_hole_holds(span: Span, holes: list[Span]) -> None:
    left = without(span, holes)
    assert cells(*left) == cells(span) - cells(*holes)
    assert all(part.duration_s > 0 for part in left)
    assert left == sorted(left)


@given(spans(), st.lists(spans(), max_size=8))
def test_time_covered_twice_counts_once(span: Span, others: list[Span]) -> None:
    assert covered_s(span, others) == len(cells(span) & cells(*others))


def test_an_empty_hole_splits_a_span() -> None:
    assert without(Span(0.0, 3.0), [Span(1.0, 1.0)]) == [Span(0.0, 1.0), Span(1.0, 3.0)]
    assert without(Span(0.0, 3.0), [Span(3.0, 3.0)]) == [Span(0.0, 3.0)]


def test_a_span_knows_its_length_its_middle_and_what_it_holds() -> None:
    span = Span(1.0, 3.0)
    assert (span.duration_s, span.middle_s) == (2.0, 2.0)
    assert span.holds(1.0)
    assert not span.holds(3.0)
