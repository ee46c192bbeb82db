"""Writing that lasts: what looks like writing is in the same place again, and a text detector sees
lines of writing there.

Grass that looks like writing looks different half a second later; a zebra crossing or a plaid shirt
does not, but is no writing to the detector. The detector sees any script. It looks once at each
place, as it takes sixteen times as long as finding the strokes that led to the place.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from montage_pipeline.footage.measuring.boxes import covered_share, intersection_over_union
from montage_pipeline.footage.measuring.overlays.words import lines_in
from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline.footage.model import Box

_SAME_PLACE = 0.5  # overlap of two sightings of the same writing
_NEAR_SAMPLES = 2  # before a sample, in which its writing must have been seen

_SAME_WORDS = 0.5
"""Of what looked like writing, or of a line, that the other one covers: strokes are found in parts
of a line, and titles around several.
"""


@dataclass
class _Place:
    """Where something looked like writing: the lines of writing there; None until looked for."""

    box: Box
    lines: tuple[Box, ...] | None = None


class LastingWriting:
    """Follows what looks like writing from one sample of a clip to the next."""

    def __init__(self) -> None:
        self._samples: list[list[_Place]] = []

    def add(self, luma: Plane, boxes: Sequence[Box]) -> None:
        """The next sample: its upright luma, and where something in it looks like writing."""
        near = [place for places in self._samples[-_NEAR_SAMPLES:] for place in places]
        seen: list[_Place] = []
        lines: list[Box] | None = None
        for box in boxes:
            before = next((p for p in near if _is_same(p.box, box)), None)
            if before is None:
                seen.append(_Place(box))
                continue
            if before.lines is None:
                lines = lines_in(luma) if lines is None else lines
                before.lines = tuple(line for line in lines if _holds(line, box))
            seen.append(before)
        self._samples.append(seen)

    def lines(self) -> Iterator[tuple[Box, ...]]:
        """The lines of writing in each sample, in order."""
        for places in self._samples:
            yield tuple(dict.fromkeys(line for place in places for line in place.lines or ()))


def _is_same(first: Box, second: Box) -> bool:
    return intersection_over_union(first, second) > _SAME_PLACE


def _holds(line: Box, box: Box) -> bool:
    return max(covered_share(box, line), covered_share(line, box)) >= _SAME_WORDS
