"""Where there is writing in a frame, whatever its size."""

from montage_pipeline.footage.measuring.boxes import covered_share
from montage_pipeline.footage.measuring.overlays.lines import lines
from montage_pipeline.footage.measuring.overlays.titles import titles
from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline.footage.model import Box

_SAME_WORDS = 0.5  # of a box that a larger one covers: then they hold the same words


def writing(luma: Plane) -> tuple[Box, ...]:
    """The writing in one frame (its longer side about 512 pixels), from top to bottom."""
    found = [*lines(luma), *titles(luma)]
    apart: list[Box] = []
    # The same words are found as strokes and as a title, and at more than one scale.
    for box in sorted(found, key=lambda box: -box.width * box.height):
        if all(covered_share(box, larger) < _SAME_WORDS for larger in apart):
            apart.append(box)
    return tuple(sorted(apart, key=lambda box: (box.y, box.x)))
