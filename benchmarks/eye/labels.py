"""An editor's labels: what each clip is worth, which seconds are loved, good or unusable, and where
its subject is.

The file is a JSON list with one object for each clip: `clip` (file name), `sha256`, `theme`, `rank`
(0 to 5), `width`, `height`, `duration_s`, the spans `hook`, `good` and `never` (pairs of seconds),
and `boxes` of the subject (`t` in seconds, `x`, `y`, `w`, `h` as shares of the displayed frame).
"""

import json
from bisect import bisect_left
from pathlib import Path
from typing import NamedTuple

from montage_pipeline.footage.model import Box
from montage_pipeline.spans import Span, covered_s

KNOWN_FOR_S = 1.0
"""A box is believed for so long before the first and after the last labelled time."""


class SubjectBox(NamedTuple):
    """Where the subject is at a time of the clip."""

    time_s: float
    box: Box


class Label(NamedTuple):
    """One clip as the editor judged it."""

    clip: str
    sha256: str
    theme: str
    rank: int
    width: int
    height: int
    duration_s: float
    hook: tuple[Span, ...]
    good: tuple[Span, ...]
    never: tuple[Span, ...]
    boxes: tuple[SubjectBox, ...]

    def subject_at(self, time_s: float) -> Box | None:
        """The subject's box at a time, between two labelled ones in between; None where the editor
        said nothing, or wants nothing shown.
        """
        if not self.boxes or any(span.holds(time_s) for span in self.never):
            return None
        times = [known.time_s for known in self.boxes]
        after = bisect_left(times, time_s)
        if 0 < after < len(times):
            return _between(self.boxes[after - 1], self.boxes[after], time_s)
        nearest = self.boxes[0 if after == 0 else -1]
        return nearest.box if abs(nearest.time_s - time_s) <= KNOWN_FOR_S else None


def read_labels(path: Path) -> dict[str, Label]:
    """The labels of a file by the SHA-256 of their clips."""
    labels = [_label(row) for row in json.loads(path.read_text())]
    return {label.sha256: label for label in labels}


def share_in(span: Span, spans: tuple[Span, ...]) -> float:
    """The share of a span that lies in labelled ones."""
    return covered_s(span, spans) / span.duration_s


def _label(row: dict[str, object]) -> Label:
    fields = {name: row[name] for name in Label._fields if name not in _SPANS and name != "boxes"}
    spans = {name: tuple(Span(*pair) for pair in _list(row[name])) for name in _SPANS}
    boxes = tuple(
        SubjectBox(
            float(box["t"]),
            Box(x=max(0, box["x"]), y=max(0, box["y"]), width=box["w"], height=box["h"]),
        )
        for box in sorted(_list(row["boxes"]), key=lambda box: float(box["t"]))
    )
    return Label(**fields, **spans, boxes=boxes)  # type: ignore[arg-type]


_SPANS = ("hook", "good", "never")


def _list(value: object) -> list:  # type: ignore[type-arg]
    assert isinstance(value, list)
    return value


def _between(before: SubjectBox, after: SubjectBox, time_s: float) -> Box:
    if after.time_s == before.time_s:
        return before.box
    share = (time_s - before.time_s) / (after.time_s - before.time_s)
    start, end = before.box.model_dump(), after.box.model_dump()
    return Box(**{side: start[side] + share * (end[side] - start[side]) for side in start})
