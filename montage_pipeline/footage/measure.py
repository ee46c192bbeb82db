"""Everything that is measured in a clip, in one pass through it.

Belongs here: the pass (what is looked at how often) and reading its results for a stretch of time.
Does not belong here: how one thing is measured (shots, still, movement, faces, sound), and what is good enough (analysis).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import av
import cv2
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from montage_pipeline.footage import faces as face_finder
from montage_pipeline.footage import movement, overlays, still
from montage_pipeline.footage.coarse import scaled_to
from montage_pipeline.footage.container import open_clip, seek_before, video_stream
from montage_pipeline.footage.look import Plane, planes_of, small_chroma, small_luma
from montage_pipeline.footage.model import Box, ClipFacts, ClipSource
from montage_pipeline.footage.packets import PacketTable, key_bits, packets_of, read_only
from montage_pipeline.footage.shots import ShotDetector, Span
from montage_pipeline.footage.sound import Sound, listen
from montage_pipeline.records import PermanentError

SAMPLE_S = 0.5  # between pictures that are measured closely
_PICTURES = 24  # compared to find borders and logos
_SAME_PLACE = 0.5  # overlap of two sightings of the same line of writing
_STEP_S = 1 / 8  # least time between pictures whose movement is compared
_LOOK_HZ = 31  # frames looked at for shot changes; of faster clips every second, third … frame
SHOWN_SIDE = 320  # of the picture that a sample keeps
_SAMPLE_SIDE, _MOTION_SIDE, _SHOT_SIDE = 512, 160, 40
_SKIP_ABOVE_PIXELS_S = 75e6  # more than 1080p30: frames that no other frame needs are not decoded


@dataclass(frozen=True)
class Sample:
    """One picture, measured closely. `speech` and `loud` are shares of the second about it; `luma` is upright, SHOWN_SIDE pixels long."""

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
    """All that was measured in a clip. `looked_at` are the stretches that were decoded: the whole clip, or the parts worth it.

    `key_bits` are the bits per pixel of its key frames (packets.key_bits), `elsewhere` pictures of the rest of it, of the size
    that samples keep.
    """

    facts: ClipFacts
    looked_at: tuple[Span, ...]
    shots: tuple[Span, ...]
    samples: tuple[Sample, ...]
    steps: tuple[movement.Step, ...]
    decoded_frames: int
    elsewhere: tuple[Plane, ...] = ()
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
        shown = [sample.luma for sample in self.samples]
        few = [shown[int(place)] for place in np.unique(np.linspace(0, len(shown) - 1, min(len(shown), _PICTURES)).round())]
        return [*few, *self.elsewhere]

    def with_more(self, other: "ClipMeasures") -> "ClipMeasures":
        """Together with what was measured of other stretches of the same clip."""
        return ClipMeasures(
            facts=self.facts,
            looked_at=tuple(sorted((*self.looked_at, *other.looked_at))),
            shots=tuple(sorted((*self.shots, *other.shots))),
            samples=tuple(sorted((*self.samples, *other.samples), key=lambda sample: sample.time_s)),
            steps=tuple(sorted((*self.steps, *other.steps), key=lambda step: step.time_s)),
            decoded_frames=self.decoded_frames + other.decoded_frames,
            elsewhere=self.elsewhere or other.elsewhere,
            key_bits=self.key_bits,
        )

    def between(self, span: Span) -> "StretchMeasures":
        """The figures of one stretch."""
        samples = [sample for sample in self.samples if span.start_s <= sample.time_s < span.end_s]
        if not samples and self.samples:
            middle = (span.start_s + span.end_s) / 2
            samples = [min(self.samples, key=lambda sample: abs(sample.time_s - middle))]
        slack = 1e-4
        steps = [step for step in self.steps if step.time_s - step.elapsed_s >= span.start_s - slack and step.time_s < span.end_s]
        return StretchMeasures.of(span, samples, steps, self.picture, self.logos)


@dataclass(frozen=True)
class StretchMeasures:
    """Figures of a stretch of one shot; scores are 0..1 as in QualityScores, shares are of its time."""

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
        cls, span: Span, samples: Sequence[Sample], steps: Sequence[movement.Step], picture: Box | None, logos: tuple[Box, ...]
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
            frozen_share=sum(step.elapsed_s for step in steps if step.frozen) / elapsed if elapsed else 0.0,
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


def measure(source: ClipSource, facts: ClipFacts, spans: Sequence[Span] = (), table: PacketTable | None = None) -> ClipMeasures:
    """Measure stretches of a clip in one pass: shots, samples every SAMPLE_S seconds, movement 8 times a second, and its sound.

    `spans` are in order and do not overlap; none means the whole clip. `table` tells where each can be entered; without it the
    container is asked.

    Raises PermanentError("clip_unreadable") when no picture of them can be decoded.
    """
    return _Pass(facts, table).run(source, tuple(spans))


class _Pass:
    """One way through a clip."""

    def __init__(self, facts: ClipFacts, table: PacketTable | None) -> None:
        self._facts = facts
        self._table = table
        self._fps = float(facts.fps.fraction)
        self._every = max(1, round(self._fps / _LOOK_HZ))
        self._meter = movement.MotionMeter()
        self._looked_at: list[Span] = []
        self._shots: list[Span] = []
        self._steps: list[movement.Step] = []
        self._samples: list[Sample] = []
        self._decoded = 0

    def run(self, source: ClipSource, spans: tuple[Span, ...]) -> ClipMeasures:
        whole = Span(self._facts.start_s, self._facts.start_s + self._facts.duration_s)
        with open_clip(source) as container:
            stream = video_stream(container, self._facts)
            read_only(container, stream)
            if self._facts.coded_width * self._facts.coded_height * self._fps > _SKIP_ABOVE_PIXELS_S:
                stream.codec_context.skip_frame = "NONREF"
            packets = packets_of(container, stream)
            for span in spans or (whole,):
                entry_s = self._table.entry_s(span.start_s) if spans and self._table is not None else None
                if self._looked_at and entry_s is not None and entry_s <= self._looked_at[-1].end_s:
                    entry_s = None  # no key frame on the way: decode on
                elif spans and (self._table is None or self._table.seekable):
                    seek_before(container, stream, span.start_s if entry_s is None else entry_s)
                    packets = packets_of(container, stream)
                elif spans:
                    stream.codec_context.flush_buffers()
                self._look_through(self._frames(packets, stream, span, entry_s), span)
        if not self._samples:
            raise PermanentError("clip_unreadable", "none of its pictures can be decoded")
        return ClipMeasures(
            facts=self._facts,
            looked_at=tuple(self._looked_at),
            shots=tuple(self._shots),
            samples=tuple(self._with_sound_and_faces(listen(source, self._facts, self._looked_at, for_speech=True))),
            steps=tuple(self._steps),
            decoded_frames=self._decoded,
            key_bits=key_bits(self._facts, self._table) if self._table is not None else None,
        )

    def _look_through(self, frames: Iterator[tuple[float, VideoFrame]], span: Span) -> None:
        detector = ShotDetector(self._every / self._fps)
        self._meter.restart()
        next_sample_s = next_step_s = span.start_s
        first_s = last_s = None
        for index, (time_s, frame) in enumerate(frames):
            self._decoded += 1
            first_s, last_s = time_s if first_s is None else first_s, time_s
            if index % self._every:
                continue
            planes = planes_of(frame, self._facts)
            luma = small_luma(planes, self._facts, _MOTION_SIDE)
            chroma = small_chroma(planes, self._facts, _SHOT_SIDE)
            detector.add(time_s, cv2.resize(luma, chroma[0].shape[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8), chroma)
            if time_s >= next_step_s - 1e-6:
                next_step_s = time_s + _STEP_S
                if (step := self._meter.add(time_s, luma)) is not None:
                    self._steps.append(step)
            if time_s >= next_sample_s - 1e-6:
                next_sample_s = time_s + SAMPLE_S
                self._samples.append(self._sample(time_s, small_luma(planes, self._facts, _SAMPLE_SIDE), luma, chroma))
        if first_s is None or last_s is None:
            return  # nothing there can be decoded
        end_s = min(span.end_s, last_s + 1 / self._fps)
        self._looked_at.append(Span(max(span.start_s, first_s), end_s))
        self._shots.extend(detector.shots(end_s))

    def _frames(
        self, packets: Iterator["Packet[VideoStream]"], stream: VideoStream, span: Span, entry_s: float | None
    ) -> Iterator[tuple[float, VideoFrame]]:
        """Pictures of the span. What comes before the key frame at `entry_s` is not decoded."""
        time_base = float(stream.time_base or 0)
        entered = entry_s is None
        for packet in packets:
            if entry_s is not None and not entered:
                at = max((time for time in (packet.pts, packet.dts) if time is not None), default=None)
                entered = at is not None and packet.is_keyframe and at * time_base >= entry_s - 1e-3
                if not entered:
                    continue
            try:
                frames = packet.decode()
            except av.InvalidDataError:
                continue
            for frame in frames:
                if not isinstance(frame, VideoFrame) or frame.pts is None:
                    continue
                time_s = frame.pts * time_base
                if time_s >= span.end_s:
                    return
                if time_s >= span.start_s - 1e-6 and (frame.width, frame.height) == (self._facts.coded_width, self._facts.coded_height):
                    yield time_s, frame

    def _sample(self, time_s: float, luma: Plane, small: Plane, chroma: tuple[Plane, Plane]) -> Sample:
        shown = scaled_to(luma, SHOWN_SIDE)
        return Sample(
            time_s=time_s,
            sharpness=still.sharpness(luma),
            exposure=still.exposure(small),
            colour=still.colourfulness(*chroma),
            fingerprint=still.fingerprint(small),
            signature=still.signature(small),
            faces=tuple(face_finder.faces_in(shown)),
            speech=0.0,
            loud=0.0,
            writing=overlays.writing(luma),
            luma=shown,
        )

    def _with_sound_and_faces(self, sound: Sound) -> Iterator[Sample]:
        """Add what can only be told once the whole clip was seen: how loud is loud here, and which faces stay."""
        times_s = np.array([sample.time_s for sample in self._samples])
        speech, loud = sound.speech_share(times_s, 2 * SAMPLE_S), sound.loud_share(times_s, 2 * SAMPLE_S)
        stay = face_finder.confirmed([list(sample.faces) for sample in self._samples])
        for place, sample in enumerate(self._samples):
            yield replace(sample, faces=tuple(stay[place]), speech=float(speech[place]), loud=float(loud[place]))


def area(boxes: Sequence[Box]) -> float:
    """Share of the picture that boxes take; what two of them share counts twice."""
    return sum(box.width * box.height for box in boxes)


def _lasting(rows: Sequence[tuple[Box, ...]]) -> list[tuple[Box, ...]]:
    """Only what another picture of the stretch has in the same place: writing is there to be read, grass is not."""
    if len(rows) == 1:
        return list(rows)
    lasting = []
    for place, row in enumerate(rows):
        others = [box for other, boxes in enumerate(rows) if 0 < abs(other - place) <= 2 for box in boxes]
        lasting.append(tuple(box for box in row if any(face_finder.overlap(box, other) > _SAME_PLACE for other in others)))
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
