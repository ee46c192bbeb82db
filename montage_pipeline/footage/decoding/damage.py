"""Spans that decode wrongly: from a frame that fails to the next keyframe, since all frames between
are made from it.

Belongs here: keeping account of that while a clip is decoded. Does not belong here: decoding
(reading).
"""

from collections import deque

from montage_pipeline.spans import Span, joined

_REORDERED_FRAMES = 4  # that may be shown before a damaged one and still be made from it
_SAME_FRAME_S = 1e-3  # a keyframe this near to the damage is the damaged one itself


class DamageLog:
    """Takes packets and failures in the order of decoding, and tells which spans are damaged."""

    def __init__(self, frame_s: float, threads: int) -> None:
        """`frame_s` is the duration of a frame (s).

        `threads`: of the decoder, which reports a failure up to so many packets later.
        """
        self._reordered_s = _REORDERED_FRAMES * frame_s
        self._fed_s: deque[float] = deque(maxlen=max(1, threads) + 1)
        self._keyframes_s: list[float] = []
        self._failures: list[Span] = []

    def fed(self, time_s: float | None, *, keyframe: bool) -> None:
        """A packet goes to the decoder; its presentation time (s), where it has one."""
        if time_s is None:
            return
        self._fed_s.append(time_s)
        if keyframe:
            self._keyframes_s.append(time_s)

    def failed(self) -> None:
        """The decoder refused one of the packets that it was fed last."""
        if self._fed_s:
            self._failures.append(Span(min(self._fed_s) - self._reordered_s, max(self._fed_s)))

    def corrupt(self, time_s: float) -> None:
        """A frame, or a packet, is marked as damaged, or missing."""
        self._failures.append(Span(time_s - self._reordered_s, time_s))

    def damaged(self, within: Span) -> tuple[Span, ...]:
        """The damaged parts of a span, in order."""
        damaged = (
            Span(
                max(failure.start_s, within.start_s),
                min(self._healed_s(failure.end_s, within.end_s), within.end_s),
            )
            for failure in sorted(self._failures)
        )
        return tuple(joined(span for span in damaged if span.duration_s > 0))

    def _healed_s(self, time_s: float, end_s: float) -> float:
        """The first keyframe after a failure; `end_s` when there is none."""
        later = (key_s for key_s in self._keyframes_s if key_s > time_s + _SAME_FRAME_S)
        return min(later, default=end_s)
