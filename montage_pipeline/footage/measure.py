"""Everything that is measured in a clip, in one pass through it.

Belongs here: the pass (what is looked at how often) and reading its results for a stretch of time.
Does not belong here: how one thing is measured (shots, still, movement, faces, sound), and what is good enough (analysis).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from montage_pipeline.footage import faces as face_finder
from montage_pipeline.footage import movement, still
from montage_pipeline.footage.container import open_clip, seek_before, video_stream
from montage_pipeline.footage.look import Plane, planes_of, small_chroma, small_luma
from montage_pipeline.footage.model import Box, ClipFacts
from montage_pipeline.footage.shots import ShotDetector, Span
from montage_pipeline.footage.sound import SoundMeter
from montage_pipeline.records import PermanentError

SAMPLE_S = 0.5  # between pictures that are measured closely
_STEP_S = 1 / 8  # least time between pictures whose movement is compared
_LOOK_HZ = 31  # frames looked at for shot changes; of faster clips every second, third … frame
_FACE_EVERY_S, _FACE_EVERY_LONG_S = 1.0, 2.0  # between looks for faces; in clips longer than _LONG_S
_LONG_S = 30.0
_SAMPLE_SIDE, _FACE_SIDE, _MOTION_SIDE, _SHOT_SIDE = 512, 320, 160, 40
_WINDOW_S = 15.0  # about; of a clip that is longer than may be looked at, windows spread over it are
_SKIP_ABOVE_PIXELS_S = 75e6  # more than 1080p30: frames that no other frame needs are not decoded


@dataclass(frozen=True)
class Sample:
    """One picture, measured closely. `faces` is None where no look for faces was taken."""

    time_s: float
    sharpness: float
    exposure: still.Exposure
    colour: float
    fingerprint: int
    signature: Plane
    faces: tuple[Box, ...] | None
    speech: float


@dataclass(frozen=True)
class ClipMeasures:
    """All that was measured in a clip. `looked_at` are the stretches that were decoded: the whole clip, unless it is long."""

    facts: ClipFacts
    looked_at: tuple[Span, ...]
    shots: tuple[Span, ...]
    samples: tuple[Sample, ...]
    steps: tuple[movement.Step, ...]
    decoded_frames: int

    def between(self, span: Span) -> "StretchMeasures":
        """The figures of one stretch."""
        samples = [sample for sample in self.samples if span.start_s <= sample.time_s < span.end_s]
        if not samples and self.samples:
            middle = (span.start_s + span.end_s) / 2
            samples = [min(self.samples, key=lambda sample: abs(sample.time_s - middle))]
        slack = 1e-4
        steps = [step for step in self.steps if step.time_s - step.elapsed_s >= span.start_s - slack and step.time_s < span.end_s]
        return StretchMeasures.of(span, samples, steps)


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
    fingerprint: int

    @classmethod
    def of(cls, span: Span, samples: Sequence[Sample], steps: Sequence[movement.Step]) -> "StretchMeasures":
        """Put samples (at least one) and steps together."""
        middle_s = (span.start_s + span.end_s) / 2
        looks = [sample.faces for sample in samples if sample.faces is not None]
        seen = [boxes[0] for boxes in looks if boxes]
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
            face_share=len(seen) / len(looks) if looks else 0.0,
            face=_middle_box(seen),
            moving=movement.moving_subject(steps),
            speech=float(np.mean([sample.speech for sample in samples])),
            fingerprint=min(samples, key=lambda sample: abs(sample.time_s - middle_s)).fingerprint,
        )


def measure(path: Path, facts: ClipFacts, most_s: float = 600.0) -> ClipMeasures:
    """Measure a clip in one pass: shots, samples every SAMPLE_S seconds, movement 8 times a second, and its sound.

    At most about `most_s` seconds of it are looked at, in windows spread over a longer clip.

    Raises PermanentError("clip_unreadable") when hardly anything of it can be decoded.
    """
    return _Pass(facts).run(path, most_s)


def _windows(facts: ClipFacts, most_s: float) -> list[Span]:
    start_s, end_s = facts.start_s, facts.start_s + facts.duration_s
    if facts.duration_s <= max(most_s, _WINDOW_S):
        return [Span(start_s, end_s)]
    count = max(1, round(most_s / _WINDOW_S))
    window_s = most_s / count
    return [Span(float(start), float(start) + window_s) for start in np.linspace(start_s, end_s - window_s, count)]


class _Pass:
    """One way through a clip."""

    def __init__(self, facts: ClipFacts) -> None:
        self._facts = facts
        self._fps = float(facts.fps.fraction)
        self._every = max(1, round(self._fps / _LOOK_HZ))
        self._face_every = round((_FACE_EVERY_LONG_S if facts.duration_s > _LONG_S else _FACE_EVERY_S) / SAMPLE_S)
        self._meter = movement.MotionMeter()
        self._sound = SoundMeter()
        self._shots: list[Span] = []
        self._steps: list[movement.Step] = []
        self._samples: list[Sample] = []
        self._decoded = 0

    def run(self, path: Path, most_s: float) -> ClipMeasures:
        windows = _windows(self._facts, most_s)
        with open_clip(path) as container:
            stream = video_stream(container, self._facts)
            if self._facts.coded_width * self._facts.coded_height * self._fps > _SKIP_ABOVE_PIXELS_S:
                stream.codec_context.skip_frame = "NONREF"
            for window in windows:
                if len(windows) > 1:
                    seek_before(container, stream, window.start_s)
                self._look_through(container, stream, window)
        if not self._samples:
            raise PermanentError("clip_unreadable", "none of its pictures can be decoded")
        return ClipMeasures(
            facts=self._facts,
            looked_at=tuple(windows),
            shots=tuple(self._shots),
            samples=tuple(self._with_sound_and_faces()),
            steps=tuple(self._steps),
            decoded_frames=self._decoded,
        )

    def _look_through(self, container: InputContainer, stream: VideoStream, window: Span) -> None:
        detector = ShotDetector(self._every / self._fps)
        self._meter.restart()
        next_sample_s = next_step_s = window.start_s
        last_s = window.start_s
        for index, (time_s, frame) in enumerate(self._frames(container, stream, window)):
            self._decoded += 1
            last_s = time_s
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
        end_s = min(window.end_s, last_s + 1 / self._fps)
        self._shots.extend(detector.shots(end_s))

    def _frames(self, container: InputContainer, stream: VideoStream, window: Span) -> Iterator[tuple[float, VideoFrame]]:
        """Pictures of the window; the sound that lies between them goes to its meter."""
        time_base = float(stream.time_base or 0)
        wanted = [stream.index] + ([self._facts.audio_stream] if self._facts.audio_stream is not None else [])
        packets = container.demux([container.streams[index] for index in wanted])
        while True:
            try:
                packet = next(packets, None)
            except (av.InvalidDataError, av.EOFError, av.OSError):
                return  # cut short: what came before counts
            if packet is None:
                return
            if packet.stream.index != stream.index:
                self._sound.add(packet)
                continue
            try:
                frames = packet.decode()
            except av.InvalidDataError:
                continue
            for frame in frames:
                if not isinstance(frame, VideoFrame) or frame.pts is None:
                    continue
                time_s = frame.pts * time_base
                if time_s >= window.end_s:
                    return
                if time_s >= window.start_s - 1e-6 and (frame.width, frame.height) == (self._facts.coded_width, self._facts.coded_height):
                    yield time_s, frame

    def _sample(self, time_s: float, luma: Plane, small: Plane, chroma: tuple[Plane, Plane]) -> Sample:
        faces = None
        if len(self._samples) % self._face_every == 0:
            scale = min(1.0, _FACE_SIDE / max(luma.shape))
            size = (round(luma.shape[1] * scale), round(luma.shape[0] * scale))
            faces = tuple(face_finder.faces_in(cv2.resize(luma, size, interpolation=cv2.INTER_AREA).astype(np.uint8)))
        return Sample(
            time_s=time_s,
            sharpness=still.sharpness(luma),
            exposure=still.exposure(small),
            colour=still.colourfulness(*chroma),
            fingerprint=still.fingerprint(small),
            signature=still.signature(small),
            faces=faces,
            speech=0.0,
        )

    def _with_sound_and_faces(self) -> Iterator[Sample]:
        """Add what can only be told once the whole clip was seen: how loud is loud here, and which faces stay."""
        speech = self._sound.shares(np.array([sample.time_s for sample in self._samples]), 2 * SAMPLE_S)
        looks = [list(sample.faces) for sample in self._samples if sample.faces is not None]
        stay = iter(face_finder.confirmed(looks))
        for sample, share in zip(self._samples, speech, strict=True):
            faces = tuple(next(stay)) if sample.faces is not None else None
            yield Sample(**{**vars(sample), "faces": faces, "speech": float(share)})


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
