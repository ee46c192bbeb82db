"""Stretches that decode wrongly: from the picture that fails to the next key frame, for all between
is made from it.

Belongs here: keeping account of that while a clip is decoded. Does not belong here: decoding
(measure).
"""

from collections import deque

from montage_pipeline.spans import Span

_REORDERED = 4  # frames that may be shown before a damaged one and still be made from it
_APART_S = 1e-3


class DamageLog:
    """Told of packets and pictures in the order in which they are decoded."""

    def __init__(self, frame_s: float, threads: int) -> None:
        """`frame_s`: duration of a frame (s);

        `threads`: of the decoder, which tells of a failure up to so many packets later.
        """
        self._early_s = _REORDERED * frame_s
        self._fed: deque[float] = deque(maxlen=max(1, threads) + 1)
        self._keys: list[float] = []
        self._bad: list[Span] = []

    def fed(self, time_s: float | None, *, key: bool) -> None:
        """A packet goes to the decoder; its presentation time (s), where it has one."""
        if time_s is None:
            return
        self._fed.append(time_s)
        if key:
            self._keys.append(time_s)

    def failed(self) -> None:
        """The decoder refused one of the packets that it has been fed of late."""
        if self._fed:
            self._bad.append(Span(min(self._fed) - self._early_s, max(self._fed)))

    def wrong(self, time_s: float) -> None:
        """A picture, or a packet, is marked as damaged."""
        self._bad.append(Span(time_s - self._early_s, time_s))

    def spans(self, inside: Span) -> tuple[Span, ...]:
        """The damaged parts of a stretch, in order."""
        found: list[Span] = []
        for first_s, last_s in sorted(self._bad):
            heals_s = min(
                (key_s for key_s in self._keys if key_s > last_s + _APART_S), default=inside.end_s
            )
            span = Span(max(first_s, inside.start_s), min(heals_s, inside.end_s))
            if span.duration_s <= 0:
                continue
            if found and span.start_s <= found[-1].end_s:
                span = Span(found[-1].start_s, max(found.pop().end_s, span.end_s))
            found.append(span)
        return tuple(found)


def without(shots: tuple[Span, ...], damaged: tuple[Span, ...], least_s: float) -> tuple[Span, ...]:
    """What damage leaves of the shots, in pieces of `least_s` at least."""
    left = list(shots)
    for bad in damaged:
        left = [
            part
            for shot in left
            for part in (
                Span(shot.start_s, min(shot.end_s, bad.start_s)),
                Span(max(shot.start_s, bad.end_s), shot.end_s),
            )
            if part.duration_s > 0
        ]
    return tuple(shot for shot in left if shot.duration_s >= least_s)
