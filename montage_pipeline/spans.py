"""`Span`: a stretch of source time, and the algebra of spans.

Belongs here: arithmetic of intervals in seconds. Does not belong here: what a span stands for (a
shot, a moment, speech), nor runs of frames of the timeline (editing.packing).
"""

from collections.abc import Iterable
from typing import NamedTuple


class Span(NamedTuple):
    """The half-open interval [start_s, end_s) of presentation time, in seconds."""

    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s

    @property
    def middle_s(self) -> float:
        """The instant halfway, in seconds."""
        return (self.start_s + self.end_s) / 2

    def holds(self, time_s: float) -> bool:
        """Whether an instant lies inside."""
        return self.start_s <= time_s < self.end_s


def overlap_s(first: Span, second: Span) -> float:
    """Seconds that two spans share; 0 when they share none."""
    return max(0.0, min(first.end_s, second.end_s) - max(first.start_s, second.start_s))


def overlaps(first: Span, second: Span) -> bool:
    """Whether two spans share any time; touching is not sharing."""
    return first.start_s < second.end_s and second.start_s < first.end_s


def joined(spans: Iterable[Span], gap_s: float = 0.0) -> list[Span]:
    """The spans in order, with those merged that overlap or lie at most `gap_s` apart."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start_s <= merged[-1].end_s + gap_s:
            merged[-1] = Span(merged[-1].start_s, max(merged[-1].end_s, span.end_s))
        else:
            merged.append(span)
    return merged


def without(span: Span, holes: Iterable[Span]) -> list[Span]:
    """What is left of `span`, in order, once every hole is cut out of it.

    An empty hole inside the span splits it.
    """
    left = [span]
    for hole in holes:
        left = [part for whole in left for part in _around(whole, hole)]
    return [part for part in left if part.duration_s > 0]


def _around(span: Span, hole: Span) -> tuple[Span, ...]:
    """What of a span lies before and after a hole; all of it when the hole misses it."""
    if not overlaps(span, hole):
        return (span,)
    return Span(span.start_s, hole.start_s), Span(hole.end_s, span.end_s)


def covered_s(span: Span, spans: Iterable[Span]) -> float:
    """Seconds of `span` that the other spans cover; time covered twice counts once."""
    return sum(overlap_s(span, other) for other in joined(spans))
