"""`Span`: a stretch of source time, and the algebra of such stretches.

Belongs here: arithmetic of intervals in seconds. Does not belong here: what a span stands for (a
shot, a moment, speech), nor spans counted in frames of the timeline (editing.packing).
"""

from collections.abc import Iterable
from typing import NamedTuple


class Span(NamedTuple):
    """The half-open stretch [start_s, end_s) of presentation time, in seconds."""

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


def overlap_s(one: Span, other: Span) -> float:
    """Seconds that two spans share; 0 when they share none."""
    return max(0.0, min(one.end_s, other.end_s) - max(one.start_s, other.start_s))


def overlaps(one: Span, other: Span) -> bool:
    """Whether two spans share any time; touching is not sharing."""
    return one.start_s < other.end_s and other.start_s < one.end_s


def joined(spans: Iterable[Span], gap_s: float = 0.0) -> list[Span]:
    """The spans in order, those that overlap or lie at most `gap_s` apart made one."""
    result: list[Span] = []
    for span in sorted(spans):
        if result and span.start_s <= result[-1].end_s + gap_s:
            result[-1] = Span(result[-1].start_s, max(result[-1].end_s, span.end_s))
        else:
            result.append(span)
    return result


def without(span: Span, closed: Iterable[Span]) -> list[Span]:
    """What is left of `span`, in order, once every closed span is cut out of it."""
    left = [span]
    for hole in closed:
        left = [part for piece in left for part in _around(piece, hole)]
    return [part for part in left if part.duration_s > 0]


def _around(piece: Span, hole: Span) -> tuple[Span, ...]:
    """What of `piece` lies before and after a hole; the whole piece when the hole misses it."""
    if not overlaps(piece, hole):
        return (piece,)
    return Span(piece.start_s, hole.start_s), Span(hole.end_s, piece.end_s)


def covered_s(span: Span, spans: Iterable[Span]) -> float:
    """Seconds of `span` that the other spans cover; time covered twice counts once."""
    return sum(overlap_s(span, other) for other in joined(spans))
