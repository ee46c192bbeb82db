"""What was measured in a clip, and reading it for a span.

Belongs here: putting samples and motions together into the figures of a span. Does not belong here:
measuring (measure), and what is good enough (analysis).
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from montage_pipeline.footage.measuring import movement, still
from montage_pipeline.footage.measuring.boxes import (
    WHOLE,
    median_box,
    part_inside,
    total_area,
    upright_middle,
)
from montage_pipeline.footage.measuring.movement import FrameMotion
from montage_pipeline.footage.measuring.objects import LivingThing
from montage_pipeline.footage.measuring.overlays.averages import Average
from montage_pipeline.footage.measuring.overlays.borders import box_inside_borders
from montage_pipeline.footage.measuring.overlays.logos import logos
from montage_pipeline.footage.measuring.overlays.marks import all_marks
from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline.footage.measuring.subject import subject_likelihood
from montage_pipeline.footage.model import Box, ClipFacts
from montage_pipeline.spans import Span, joined

SAMPLE_S = 0.5
"""Between frames that are measured closely: a moment of 1.7 s has three."""

MIN_HELD_S = 0.5
"""A frame that stands still for less is hardly noticed: many animations and calls do that."""

SHOWN_SIDE = 320
"""Longer side, in pixels, of the frame that a sample keeps."""

OVERLAY_FRAMES = 48
"""Compared to find borders and logos; more tell no more. Where samples are fewer, frames between
them are kept.
"""
_FILLING_SIDE = 0.5  # mean side, as a share of the frame's, of who fills the frame
_FILLING_CROP_SIDE = 0.6  # the same of a crop: who stands in an upright one leaves its sides free
_COVERING_SHARE = 0.75
"""Of the frame: a body that takes more of it, without a face, is no subject but something before
the lens: an arm, a back.
"""
_SLACK_S = 1e-4  # a motion that begins this little before a span is in it, but for rounding


@dataclass(frozen=True)
class Sample:
    """One frame, measured closely.

    `speech` and `loud` are shares of the second about it; `luma` is upright, SHOWN_SIDE pixels
    long, `chroma` its U and V, far smaller. `size_share` is less than 1 for a frame that is smaller
    than the clip's largest.
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
    chroma: tuple[Plane, Plane]
    living: tuple[LivingThing, ...] = ()
    things: tuple[str, ...] = ()
    size_share: float = 1.0


@dataclass(frozen=True)
class StillFrame:
    """A frame of the size that samples keep, of which nothing else is measured."""

    time_s: float
    luma: Plane


@dataclass(frozen=True)
class ClipMeasures:
    """All that was measured in a clip.

    `looked_at` are the spans that were decoded: the whole clip, or the parts worth it. `damaged`
    are parts of them that decode wrongly and belong to no shot, `black` those whose every frame is,
    `phrases` when someone talks without a pause. `keyframes_s` are where decoding can begin
    (`packets.keyframe_times_s`), `key_bits` the bits per pixel there (`packets.key_bits`).
    `elsewhere` are frames of the rest of the clip, of the size that samples keep, and `more_frames`
    some from between the samples. `averages` are a second of frames each.
    """

    facts: ClipFacts
    looked_at: tuple[Span, ...]
    shots: tuple[Span, ...]
    samples: tuple[Sample, ...]
    motions: tuple[FrameMotion, ...]
    decoded_frames: int
    damaged: tuple[Span, ...] = ()
    elsewhere: tuple[Plane, ...] = ()
    more_frames: tuple[StillFrame, ...] = ()
    averages: tuple[Average, ...] = ()
    keyframes_s: tuple[float, ...] = ()
    key_bits: float | None = None
    phrases: tuple[Span, ...] = ()
    black: tuple[Span, ...] = ()

    @cached_property
    def inside_borders(self) -> Box | None:
        """The part of the frame inside burnt-in borders; None where there are none."""
        return box_inside_borders(self._overlay_frames)

    @cached_property
    def facts_seen(self) -> ClipFacts:
        """The facts, with the picture inside borders."""
        return self.facts.model_copy(update={"picture": self.inside_borders})

    @cached_property
    def logos(self) -> tuple[Box, ...]:
        """What stays in place while the footage changes, and what says where it is from."""
        return all_marks(logos(self._overlay_frames, self.inside_borders), self.averages)

    @cached_property
    def torn_away(self) -> list[Span]:
        """When the whole view is torn away (`movement.torn_away`)."""
        return movement.torn_away(self.motions)

    @cached_property
    def _overlay_frames(self) -> list[Plane]:
        """Frames spread over the clip in order of time, without damaged ones."""
        kept = [(sample.time_s, sample.luma) for sample in self.samples]
        kept += [(frame.time_s, frame.luma) for frame in self.more_frames]
        shown = [
            luma
            for time_s, luma in sorted(kept, key=lambda frame: frame[0])
            if not any(damaged.holds(time_s) for damaged in self.damaged)
        ]
        places = np.linspace(0, len(shown) - 1, min(len(shown), OVERLAY_FRAMES))
        few = [shown[int(place)] for place in np.unique(places.round())]
        return [*few, *self.elsewhere]

    def with_more(self, other: "ClipMeasures") -> "ClipMeasures":
        """Together with what was measured in other spans of the same clip."""
        samples = sorted((*self.samples, *other.samples), key=lambda sample: sample.time_s)
        motions = sorted((*self.motions, *other.motions), key=lambda motion: motion.time_s)
        varies = self.facts.varies or other.facts.varies
        return ClipMeasures(
            facts=self.facts.model_copy(update={"varies": varies}),
            looked_at=tuple(sorted((*self.looked_at, *other.looked_at))),
            shots=tuple(sorted((*self.shots, *other.shots))),
            samples=tuple(samples),
            motions=tuple(motions),
            damaged=tuple(sorted((*self.damaged, *other.damaged))),
            decoded_frames=self.decoded_frames + other.decoded_frames,
            elsewhere=self.elsewhere or other.elsewhere,
            more_frames=(*self.more_frames, *other.more_frames),
            averages=(*self.averages, *other.averages),
            keyframes_s=self.keyframes_s,
            key_bits=self.key_bits,
            phrases=tuple(joined((*self.phrases, *other.phrases))),
            black=tuple(sorted((*self.black, *other.black))),
        )

    def held(self, within: Span) -> list[Span]:
        """The parts of a span, of at least MIN_HELD_S, in which the frame stands still."""
        # The frame may have stood still until just before it changed.
        still = (
            Span(
                max(motion.time_s - motion.elapsed_s, within.start_s),
                min((after if after.elapsed_s < MIN_HELD_S else motion).time_s, within.end_s),
            )
            for motion, after in pairwise((*self.motions, *self.motions[-1:]))
            if motion.frozen
        )
        held = joined((part for part in still if part.duration_s > 0), _SLACK_S)
        return [part for part in held if part.duration_s >= MIN_HELD_S]

    def between(self, span: Span) -> "SpanMeasures":
        """The figures of a span; where it holds no sample, those of the nearest one."""
        samples = [sample for sample in self.samples if span.holds(sample.time_s)]
        if not samples and self.samples:
            samples = [_nearest(self.samples, span.middle_s)]
        motions = [
            motion
            for motion in self.motions
            if motion.time_s - motion.elapsed_s >= span.start_s - _SLACK_S
            and motion.time_s < span.end_s
        ]
        return SpanMeasures.of(self, span, samples, motions)


@dataclass(frozen=True)
class SpanMeasures:
    """Figures of a span of one shot: scores are 0..1 as in QualityScores, shares of its time.

    `shorter_px` is the shorter side of its frames, in pixels. `people` are as many as are mostly in
    view, `with_animal` says that an animal mostly is, `things` are names of what else is.
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
    action: float
    frozen_share: float
    face_share: float
    face: Box | None
    living: float
    shown_living: float
    people: int
    with_animal: bool
    things: tuple[str, ...]
    moving: Box | None
    travel: tuple[float, float]
    speech: float
    loud: float
    faces: tuple[Box, ...]
    writing: tuple[Box, ...]
    writing_share: float
    logos: tuple[Box, ...]
    fingerprint: int
    facts: ClipFacts
    shorter_px: int = 1080

    @classmethod
    def of(
        cls,
        clip: ClipMeasures,
        span: Span,
        samples: Sequence[Sample],
        motions: Sequence[FrameMotion],
    ) -> "SpanMeasures":
        """Put samples (at least one) and motions together with what holds for all of the clip."""
        writing = [sample.writing for sample in samples]
        with_faces = [sample.faces[0] for sample in samples if sample.faces]
        facts = clip.facts_seen
        shown = upright_middle(facts)
        return cls(
            sharpness=_median(samples, lambda sample: sample.sharpness),
            exposure=_median(samples, lambda sample: sample.exposure.score),
            brightness=_median(samples, lambda sample: sample.exposure.mean),
            highlights=_median(samples, lambda sample: sample.exposure.highlights),
            peak=_median(samples, lambda sample: sample.exposure.peak),
            white_share=_median(samples, lambda sample: sample.exposure.white_share),
            contrast=_median(samples, lambda sample: sample.exposure.contrast),
            colour=_median(samples, lambda sample: sample.colour),
            stability=movement.stability(motions),
            motion=movement.energy(motions),
            action=movement.action(motions, shown),
            frozen_share=_frozen_share(motions),
            face_share=len(with_faces) / len(samples),
            face=median_box(with_faces),
            living=float(np.mean([_living_size(sample) for sample in samples])),
            shown_living=float(np.mean([_shown_size(sample, shown) for sample in samples])),
            people=round(_median(samples, lambda sample: _count(sample, "person"))),
            with_animal=_median(samples, lambda sample: _count(sample, "animal")) >= 1,
            things=_lasting_things(samples),
            moving=movement.moving_subject(motions),
            travel=movement.travel(motions),
            speech=float(np.mean([sample.speech for sample in samples])),
            loud=float(np.mean([sample.loud for sample in samples])),
            faces=max(samples, key=lambda sample: len(sample.faces)).faces,
            writing=max(writing, key=total_area),
            writing_share=sum(bool(boxes) for boxes in writing) / len(writing),
            logos=clip.logos,
            fingerprint=_nearest(samples, span.middle_s).fingerprint,
            facts=facts,
            shorter_px=round(
                _shorter_px(facts) * _median(samples, lambda sample: sample.size_share)
            ),
        )


def _shorter_px(facts: ClipFacts) -> float:
    """The shorter side of what lies inside borders."""
    picture = facts.picture or WHOLE
    return min(picture.width * facts.width, picture.height * facts.height)


def _living_size(sample: Sample) -> float:
    """How much of the frame its largest person or animal takes, 0..1, less for an unsure one."""
    sides = [thing.score * math.sqrt(_area(thing.box)) for thing in _subjects(sample)]
    return min(1.0, max(sides, default=0.0) / _FILLING_SIDE)


def _shown_size(sample: Sample, middle: Box) -> float:
    """How much of a crop as large as `middle` one person or animal takes when the crop goes there,
    0..1; less for an unsure one, and for one far from the middle, to which it hardly will.
    """
    sides = [
        thing.score * subject_likelihood(thing.box) * math.sqrt(_share_shown(thing.box, middle))
        for thing in _subjects(sample)
    ]
    return min(1.0, max(sides, default=0.0) / _FILLING_CROP_SIDE)


def _subjects(sample: Sample) -> list[LivingThing]:
    """The people and animals that can be what a frame is about."""
    return [thing for thing in sample.living if sample.faces or _area(thing.box) <= _COVERING_SHARE]


def _share_shown(box: Box, middle: Box) -> float:
    """The share of a crop as large as `middle` that a box takes when the crop goes there."""
    x = min(max(0.0, box.x + box.width / 2 - middle.width / 2), 1 - middle.width)
    y = min(max(0.0, box.y + box.height / 2 - middle.height / 2), 1 - middle.height)
    part = part_inside(box, Box(x=x, y=y, width=middle.width, height=middle.height))
    return _area(part) if part is not None else 0.0


def _area(box: Box) -> float:
    return box.width * box.height


def _count(sample: Sample, kind: str) -> int:
    return sum(thing.kind == kind for thing in sample.living)


def _lasting_things(samples: Sequence[Sample]) -> tuple[str, ...]:
    """What is seen in at least half of the samples, the most lasting first."""
    counts = Counter(thing for sample in samples for thing in sample.things)
    return tuple(thing for thing, count in counts.most_common() if 2 * count >= len(samples))


def _median(samples: Sequence[Sample], figure: Callable[[Sample], float]) -> float:
    return float(np.median([figure(sample) for sample in samples]))


def _nearest(samples: Sequence[Sample], time_s: float) -> Sample:
    return min(samples, key=lambda sample: abs(sample.time_s - time_s))


def _frozen_share(motions: Sequence[FrameMotion]) -> float:
    elapsed_s = sum(motion.elapsed_s for motion in motions)
    frozen_s = sum(motion.elapsed_s for motion in motions if motion.frozen)
    return frozen_s / elapsed_s if elapsed_s else 0.0
