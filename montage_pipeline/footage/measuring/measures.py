"""What was measured in a clip, and reading it for a stretch of time.

Belongs here: samples and steps put together into the figures of a stretch. Does not belong here:
measuring (measure), and what is good
enough (analysis).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from montage_pipeline.footage.measuring import faces as face_finder
from montage_pipeline.footage.measuring import movement, overlays, still
from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline.footage.model import Box, ClipFacts
from montage_pipeline.spans import Span

SAMPLE_S = 0.5  # between pictures that are measured closely
SHOWN_SIDE = 320  # of the picture that a sample keeps
_PICTURES = 24  # compared to find borders and logos
_SAME_PLACE = 0.5  # overlap of two sightings of the same line of writing


@dataclass(frozen=True)
class Sample:
    """One picture, measured closely.

    `speech` and `loud` are shares of the second about it; `luma` is upright, SHOWN_SIDE pixels
    long.
    """

    time_s: float
    sharpness: float
    exposure: still.Exposure
    colour: float
    fingerprint: int
    signature: Plane
    faces: tuple[Box, ...]
    speech: float
    loud: float
    writing: tuple[Box, ...]
    luma: Plane


@dataclass(frozen=True)
class ClipMeasures:
    """All that was measured in a clip. `looked_at` are the stretches that were decoded: the whole
    clip, or the parts worth it;
    `damaged` are parts of them that decode wrongly and belong to no shot.

    `key_frames_s` are where it can be entered (packets.entries_s), `key_bits` the bits per pixel
    there (packets.key_bits),
    `elsewhere` pictures of the rest of it, of the size that samples keep.
    """

    facts: ClipFacts
    looked_at: tuple[Span, ...]
    shots: tuple[Span, ...]
    samples: tuple[Sample, ...]
    steps: tuple[movement.Step, ...]
    decoded_frames: int
    damaged: tuple[Span, ...] = ()
    elsewhere: tuple[Plane, ...] = ()
    key_frames_s: tuple[float, ...] = ()
    key_bits: float | None = None

    @cached_property
    def picture(self) -> Box | None:
        """The picture without burnt-in borders; None where it has none."""
        return overlays.picture_box(self._pictures)

    @cached_property
    def logos(self) -> tuple[Box, ...]:
        """What stands still in the clip while the picture changes."""
        return overlays.logos(self._pictures, self.picture)

    @cached_property
    def _pictures(self) -> list[Plane]:
        whole = [
            sample
            for sample in self.samples
            if not any(bad.start_s <= sample.time_s < bad.end_s for bad in self.damaged)
        ]
        shown = [sample.luma for sample in whole]
        few = [
            shown[int(place)]
            for place in np.unique(
                np.linspace(0, len(shown) - 1, min(len(shown), _PICTURES)).round()
            )
        ]
        return [*few, *self.elsewhere]

    def with_more(self, other: "ClipMeasures") -> "ClipMeasures":
        """Together with what was measured of other stretches of the same clip."""
        return ClipMeasures(
            facts=self.facts,
            looked_at=tuple(sorted((*self.looked_at, *other.looked_at))),
            shots=tuple(sorted((*self.shots, *other.shots))),
            samples=tuple(
                sorted((*self.samples, *other.samples), key=lambda sample: sample.time_s)
            ),
            steps=tuple(sorted((*self.steps, *other.steps), key=lambda step: step.time_s)),
            damaged=tuple(sorted((*self.damaged, *other.damaged))),
            decoded_frames=self.decoded_frames + other.decoded_frames,
            elsewhere=self.elsewhere or other.elsewhere,
            key_frames_s=self.key_frames_s,
            key_bits=self.key_bits,
        )

    def between(self, span: Span) -> "StretchMeasures":
        """The figures of one stretch."""
        samples = [sample for sample in self.samples if span.start_s <= sample.time_s < span.end_s]
        if not samples and self.samples:
            middle = (span.start_s + span.end_s) / 2
            samples = [min(self.samples, key=lambda sample: abs(sample.time_s - middle))]
        slack = 1e-4
        steps = [
            step
            for step in self.steps
            if step.time_s - step.elapsed_s >= span.start_s - slack and step.time_s < span.end_s
        ]
        return StretchMeasures.of(span, samples, steps, self.picture, self.logos)


@dataclass(frozen=True)
class StretchMeasures:
    """Figures of a stretch of one shot; scores are 0..1 as in QualityScores, shares are of its
    time.
    """

    sharpness: float
    exposure: float
    brightness: float
    highlights: float
    peak: float
    white_share: float
    contrast: float
    colour: float
    stability: float
    motion: float
    frozen_share: float
    face_share: float
    face: Box | None
    moving: Box | None
    speech: float
    loud: float
    faces: tuple[Box, ...]
    writing: tuple[Box, ...]
    writing_share: float
    logos: tuple[Box, ...]
    border_share: float
    fingerprint: int

    @classmethod
    def of(
        cls,
        span: Span,
        samples: Sequence[Sample],
        steps: Sequence[movement.Step],
        picture: Box | None,
        logos: tuple[Box, ...],
    ) -> "StretchMeasures":
        """Put samples (at least one) and steps together with what holds for all of the clip."""
        stays = _lasting([sample.writing for sample in samples])
        fullest = max(samples, key=lambda sample: len(sample.faces))
        middle_s = (span.start_s + span.end_s) / 2
        seen = [sample.faces[0] for sample in samples if sample.faces]
        elapsed = sum(step.elapsed_s for step in steps)
        return cls(
            sharpness=_median([sample.sharpness for sample in samples]),
            exposure=_median([sample.exposure.score for sample in samples]),
            brightness=_median([sample.exposure.mean for sample in samples]),
            highlights=_median([sample.exposure.highlights for sample in samples]),
            peak=_median([sample.exposure.peak for sample in samples]),
            white_share=_median([sample.exposure.white_share for sample in samples]),
            contrast=_median([sample.exposure.contrast for sample in samples]),
            colour=_median([sample.colour for sample in samples]),
            stability=movement.stability(steps),
            motion=movement.motion(steps),
            frozen_share=sum(step.elapsed_s for step in steps if step.frozen) / elapsed
            if elapsed
            else 0.0,
            face_share=len(seen) / len(samples),
            face=_middle_box(seen),
            moving=movement.moving_subject(steps),
            speech=float(np.mean([sample.speech for sample in samples])),
            loud=float(np.mean([sample.loud for sample in samples])),
            faces=fullest.faces,
            writing=max(stays, key=area),
            writing_share=sum(bool(boxes) for boxes in stays) / len(stays),
            logos=logos,
            border_share=1 - picture.width * picture.height if picture is not None else 0.0,
            fingerprint=min(samples, key=lambda sample: abs(sample.time_s - middle_s)).fingerprint,
        )


def area(boxes: Sequence[Box]) -> float:
    """Share of the picture that boxes take; what two of them share counts twice."""
    return sum(box.width * box.height for box in boxes)


def _lasting(rows: Sequence[tuple[Box, ...]]) -> list[tuple[Box, ...]]:
    """Only what another picture of the stretch has in the same place: writing is there to be read,
    grass is not.
    """
    if len(rows) == 1:
        return list(rows)
    lasting = []
    for place, row in enumerate(rows):
        others = [
            box for other, boxes in enumerate(rows) if 0 < abs(other - place) <= 2 for box in boxes
        ]
        lasting.append(
            tuple(
                box
                for box in row
                if any(face_finder.overlap(box, other) > _SAME_PLACE for other in others)
            )
        )
    return lasting


def _median(values: Sequence[float]) -> float:
    return float(np.median(values))


def _middle_box(boxes: Sequence[Box]) -> Box | None:
    if not boxes:
        return None
    return Box(
        x=_median([box.x for box in boxes]),
        y=_median([box.y for box in boxes]),
        width=_median([box.width for box in boxes]),
        height=_median([box.height for box in boxes]),
    )
