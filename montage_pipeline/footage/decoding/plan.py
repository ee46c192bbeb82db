"""The order in which spans of a clip are decoded: where to enter, and where to read on.

Belongs here: turning spans and their calm parts into decoding steps. Does not belong here: decoding
(reading), finding calm spans (measuring.calm).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from montage_pipeline.footage.decoding.packets import PacketTable
from montage_pipeline.spans import Span

_SAME_S = 1e-6  # ends of spans that differ by less are the same, but for rounding


@dataclass(frozen=True)
class DecodedSpan:
    """A span to decode.

    `after_calm`: it continues a shot across a calm span. `calm_until_s`: the end of the calm span
    that follows, None when none does. `entry_s`: the keyframe to begin at, None to decode on from
    the end of the span before. `drained`: nothing of what follows is in the decoder, so that it is
    emptied at the end.
    """

    span: Span
    after_calm: bool = False
    calm_until_s: float | None = None
    entry_s: float | None = None
    drained: bool = True


def plan_decoding(
    spans: Sequence[Span], calm: Sequence[Span], packets: PacketTable
) -> list[DecodedSpan]:
    """The spans without their calm parts, each with the way to get there.

    `spans` and `calm` are in order.
    """
    planned: list[DecodedSpan] = []
    for wanted in (part for span in spans for part in _without_calm(span, calm)):
        entry_s: float | None = packets.entry_s(wanted.span.start_s)
        if planned and entry_s is not None and entry_s <= planned[-1].span.end_s:
            # No keyframe on the way: decode on.
            entry_s = None
            planned[-1] = replace(planned[-1], drained=False)
        planned.append(replace(wanted, entry_s=entry_s))
    return planned


def _without_calm(span: Span, calm: Sequence[Span]) -> list[DecodedSpan]:
    """What of a span is decoded. Calm at its very beginning is decoded, to know the shot."""
    parts: list[DecodedSpan] = []
    start_s = span.start_s
    for quiet in calm:
        if start_s < quiet.start_s < quiet.end_s <= span.end_s + _SAME_S:
            parts.append(
                DecodedSpan(Span(start_s, quiet.start_s), bool(parts), calm_until_s=quiet.end_s)
            )
            start_s = quiet.end_s
    if start_s < span.end_s - _SAME_S:
        parts.append(DecodedSpan(Span(start_s, span.end_s), bool(parts)))
    return parts
