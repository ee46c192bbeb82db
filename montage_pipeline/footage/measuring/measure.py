"""Everything that is measured in a clip, in one pass through it.

Belongs here: the pass, and what is measured how often. Does not belong here: how one thing is
measured (shots, still, movement, faces, overlays, sound), and putting the results together
(measures).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from av.video.frame import VideoFrame

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.container import open_clip
from montage_pipeline.footage.decoding.packets import IndexedClip, key_bits, keyframe_times_s
from montage_pipeline.footage.decoding.plain import is_usual, size_share
from montage_pipeline.footage.decoding.plan import DecodedSpan, plan_decoding
from montage_pipeline.footage.decoding.reading import Reader
from montage_pipeline.footage.measuring import still
from montage_pipeline.footage.measuring.faces import faces_in
from montage_pipeline.footage.measuring.measures import (
    OVERLAY_FRAMES,
    SAMPLE_S,
    SHOWN_SIDE,
    ClipMeasures,
    Sample,
    StillFrame,
)
from montage_pipeline.footage.measuring.movement import FrameMotion, MotionMeter
from montage_pipeline.footage.measuring.objects import objects_in
from montage_pipeline.footage.measuring.overlays.averages import SIDE as AVERAGED_SIDE
from montage_pipeline.footage.measuring.overlays.averages import Average, Averager
from montage_pipeline.footage.measuring.overlays.lasting import LastingWriting
from montage_pipeline.footage.measuring.overlays.writing import writing
from montage_pipeline.footage.measuring.planes import (
    Plane,
    planes_of,
    resized_like,
    shrunk_to,
    small_bgr,
    small_chroma,
    small_luma,
)
from montage_pipeline.footage.measuring.shots import MIN_SHOT_S, ShotDetector
from montage_pipeline.footage.measuring.sound import Sound, listen
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.spans import Span, joined, without

_MAX_COMPARED_HZ = 31  # frames compared for shot changes; of faster clips every second, third …

_MOTION_S = 1 / 8  # between frames whose movement is compared; enough to tell a shake
_MOTION_SLACK_S = 0.01  # three frames of 25 a second are near enough
_MAX_BETWEEN = OVERLAY_FRAMES // 2  # frames of a clip kept between samples; long clips need none

_HELD_S = 0.4  # on screen, from which a frame is held: no camera films so slowly

# A frame is black where all but this share of it is darker than this level of 255.
_BLACK_LEVEL, _LIT_SHARE = 16, 0.005
_SAMPLE_SLACK_S = 1e-6  # times are rounded

# Of the little that is decoded before a calm span, the beginning and the end are sampled.
_LAST_SAMPLE_SHARE = 0.9

# Longer sides, in pixels, of what samples, movement and shot changes are measured in. Samples are
# averaged too.
_SAMPLE_SIDE, _MOTION_SIDE, _SHOT_SIDE = AVERAGED_SIDE, 160, 40


def measure(
    clip: IndexedClip, spans: Sequence[Span] = (), calm: Sequence[Span] = ()
) -> ClipMeasures:
    """Measure spans of a clip in one pass: shots, movement, sound, and samples every SAMPLE_S.

    `spans` are in order and do not overlap; none means the whole clip. `calm` are parts of them
    that need not be decoded, because no shot changes there.

    Raises PermanentError(CLIP_UNREADABLE) when no frame of them can be decoded.
    """
    return _Pass(clip).run(spans, calm)


class _Pass:
    """One way through a clip."""

    def __init__(self, clip: IndexedClip) -> None:
        self._clip = clip
        self._looked_at: list[Span] = []
        self._shots: list[Span] = []
        self._damaged: list[Span] = []
        self._black: list[Span] = []
        self._motions: list[FrameMotion] = []
        self._samples: list[Sample] = []
        self._between: list[StillFrame] = []
        self._averages: list[Average] = []
        self._writing = LastingWriting()
        self._decoded_frames = 0
        self._varies = False

    def run(self, spans: Sequence[Span], calm: Sequence[Span]) -> ClipMeasures:
        """Decode and measure."""
        source, facts, packets = self._clip.source, self._clip.facts, self._clip.packets
        with open_clip(source) as container:
            reader = Reader(container, self._clip)
            if spans:
                for planned in plan_decoding(spans, calm, packets):
                    self._look_through(reader, planned, reader.frames(planned))
            else:
                whole = Span(facts.start_s, facts.start_s + facts.duration_s)
                self._look_through(reader, DecodedSpan(whole), reader.everything(whole))
        if not self._samples:
            raise PermanentError(ErrorCode.CLIP_UNREADABLE, "none of its frames can be decoded")

        sound = listen(source, facts, self._looked_at, for_speech=True)
        return ClipMeasures(
            facts=facts.model_copy(update={"varies": self._varies}),
            looked_at=tuple(self._looked_at),
            shots=tuple(self._shots),
            samples=tuple(_with_sound(self._written(), sound)),
            motions=tuple(self._motions),
            damaged=tuple(self._damaged),
            more_frames=tuple(self._between[:_MAX_BETWEEN]),
            averages=tuple(self._averages),
            black=tuple(self._black),
            decoded_frames=self._decoded_frames,
            keyframes_s=keyframe_times_s(packets),
            key_bits=key_bits(facts, packets),
            phrases=sound.phrases(),
        )

    def _written(self) -> list[Sample]:
        """The samples with the writing that lasts."""
        return [
            replace(sample, writing=lines)
            for sample, lines in zip(self._samples, self._writing.lines(), strict=True)
        ]

    def _look_through(
        self, reader: Reader, planned: DecodedSpan, frames: Iterator[tuple[float, VideoFrame]]
    ) -> None:
        look = _SpanLook(self._clip.facts, planned, self._writing)
        for time_s, frame in frames:
            look.add(time_s, frame)
        look.end()
        self._decoded_frames += look.decoded_frames
        self._varies = self._varies or look.varies
        self._motions += look.motions
        self._samples += look.samples
        self._between += look.between
        self._averages += look.averager.averages()
        self._black += look.black()

        seen = look.seen()
        if seen is None:
            return  # nothing there can be decoded
        damaged = reader.damaged(seen)
        undamaged = [part for shot in look.shots(seen.end_s) for part in without(shot, damaged)]
        shots = [shot for shot in undamaged if shot.duration_s >= MIN_SHOT_S]
        self._damaged.extend(damaged)
        self._keep(planned, seen, shots)

    def _keep(self, planned: DecodedSpan, seen: Span, shots: list[Span]) -> None:
        """Keep what was seen and its shots, continued across the calm spans on both sides."""
        last_seen = self._looked_at[-1] if self._looked_at else None
        if planned.after_calm and last_seen and last_seen.end_s == planned.span.start_s:
            self._looked_at.pop()
            if self._ends_with_shot(last_seen) and shots and shots[0].start_s == seen.start_s:
                shots[0] = Span(self._shots.pop().start_s, shots[0].end_s)
            seen = Span(last_seen.start_s, seen.end_s)

        if planned.calm_until_s is not None:
            if shots and shots[-1].end_s == seen.end_s:
                shots[-1] = Span(shots[-1].start_s, planned.calm_until_s)
            seen = Span(seen.start_s, planned.calm_until_s)
        self._looked_at.append(seen)
        self._shots.extend(shots)

    def _ends_with_shot(self, seen: Span) -> bool:
        return bool(self._shots) and self._shots[-1].end_s == seen.end_s


class _SpanLook:
    """Measures the frames of one decoded span, in order."""

    def __init__(
        self, facts: ClipFacts, planned: DecodedSpan, writing_so_far: LastingWriting
    ) -> None:
        self.motions: list[FrameMotion] = []
        self.samples: list[Sample] = []
        self.between: list[StillFrame] = []
        self.averager = Averager()
        self.decoded_frames = 0
        self.varies = False
        self._facts = facts
        self._span = planned.span
        self._writing = writing_so_far
        fps = float(facts.fps.fraction)
        self._frame_s = 1 / fps
        self._compared_every = max(1, round(fps / _MAX_COMPARED_HZ))
        self._detector = ShotDetector(self._compared_every / fps)
        self._meter = MotionMeter()
        self._sample_every_s = SAMPLE_S
        if planned.calm_until_s is not None:
            self._sample_every_s = min(SAMPLE_S, _LAST_SAMPLE_SHARE * planned.span.duration_s)
        self._next_sample_s = self._next_motion_s = planned.span.start_s
        self._next_between_s = math.inf
        self._first_s: float | None = None
        self._last_s = planned.span.start_s
        self._last: VideoFrame | None = None
        self._black: list[Span] = []

    def add(self, time_s: float, frame: VideoFrame) -> None:
        """Look at the next frame.

        One that was on screen for long before it is looked at again and again: it stood still.
        """
        if self._last is not None and time_s - self._last_s > _HELD_S:
            self._hold(self._last, Span(self._last_s, time_s))
        self._first_s = time_s if self._first_s is None else self._first_s
        self._last_s, self._last = time_s, frame
        self.decoded_frames += 1
        self.varies = self.varies or not is_usual(frame, self._facts)
        if (self.decoded_frames - 1) % self._compared_every == 0:
            self._look(time_s, frame)

    def end(self) -> None:
        """No frame follows: the last one is on screen for as long as frames are as a rule."""
        seen = self.seen()
        if self._last is not None and seen is not None and seen.end_s - self._last_s > _HELD_S:
            self._hold(self._last, Span(self._last_s, seen.end_s))

    def _hold(self, frame: VideoFrame, held: Span) -> None:
        for number in range(math.ceil(held.duration_s / _MOTION_S)):
            self._next_motion_s = time_s = held.start_s + number * _MOTION_S
            self._look(time_s, frame)
        self._next_motion_s = held.end_s

    def _look(self, time_s: float, frame: VideoFrame) -> None:
        planes = planes_of(frame, self._facts)
        luma = small_luma(planes, self._facts, _MOTION_SIDE)
        chroma = small_chroma(planes, self._facts, _SHOT_SIDE)
        self._detector.add(time_s, resized_like(luma, chroma[0]), chroma)
        if np.count_nonzero(luma > _BLACK_LEVEL) < _LIT_SHARE * luma.size:
            self._black.append(Span(time_s, time_s + self._compared_every * self._frame_s))

        if time_s >= self._next_motion_s - _MOTION_SLACK_S:
            self._next_motion_s = time_s + _MOTION_S
            motion = self._meter.add(time_s, luma)
            if motion is not None:
                self.motions.append(motion)

        if time_s >= self._next_sample_s - _SAMPLE_SLACK_S:
            self._next_sample_s = time_s + self._sample_every_s
            self._next_between_s = time_s + self._sample_every_s / 2
            large = small_luma(planes, self._facts, _SAMPLE_SIDE)
            self.averager.add(large)
            shown = shrunk_to(large, self._facts, SHOWN_SIDE)
            looks = _Looks(large, shown, luma, chroma)
            sample = _sample(time_s, looks, size_share(frame, self._facts))
            seen = objects_in(small_bgr(planes, self._facts, SHOWN_SIDE))
            self.samples.append(replace(sample, living=seen.living, things=seen.things))
            self._writing.add(large, writing(large))
        elif time_s >= self._next_between_s:
            self._next_between_s = math.inf  # until the next sample
            self.averager.add(small_luma(planes, self._facts, _SAMPLE_SIDE))
            if len(self.between) < _MAX_BETWEEN:
                shown = small_luma(planes, self._facts, SHOWN_SIDE)
                self.between.append(StillFrame(time_s, shown))

    def seen(self) -> Span | None:
        """From the first frame that was decoded to the end of the last; None without frames."""
        if self._first_s is None:
            return None
        end_s = min(self._span.end_s, self._last_s + self._frame_s)
        return Span(max(self._span.start_s, self._first_s), end_s)

    def shots(self, end_s: float) -> tuple[Span, ...]:
        """The shots up to `end_s`."""
        return self._detector.shots(end_s)

    def black(self) -> list[Span]:
        """The spans in which all frames are black."""
        return joined(self._black, self._frame_s)


class _Looks(NamedTuple):
    """One frame in the sizes that are measured: `shown` is the one that is kept."""

    large: Plane
    shown: Plane
    small: Plane
    chroma: tuple[Plane, Plane]


def _sample(time_s: float, looks: _Looks, share: float) -> Sample:
    """Measure one frame closely, but for its sound, its writing, and who is in it.

    `share`: of the clip's width that the frame has. What is enlarged is less sharp than it looks at
    the size that sharpness is measured in.
    """
    return Sample(
        time_s=time_s,
        sharpness=still.sharpness(looks.large) * math.sqrt(share),
        exposure=still.exposure(looks.small),
        colour=still.colourfulness(*looks.chroma),
        fingerprint=still.fingerprint(looks.small),
        signature=still.signature(looks.small),
        faces=tuple(faces_in(looks.shown)),
        speech=0.0,
        loud=0.0,
        writing=(),
        luma=looks.shown,
        chroma=looks.chroma,
        size_share=share,
    )


def _with_sound(samples: Sequence[Sample], sound: Sound) -> Iterator[Sample]:
    """Add what can only be told once the whole clip was heard: how loud is loud here."""
    times_s = np.array([sample.time_s for sample in samples])
    speech = sound.speech_share(times_s, 2 * SAMPLE_S)
    loud = sound.loud_share(times_s, 2 * SAMPLE_S)
    for place, sample in enumerate(samples):
        yield replace(sample, speech=float(speech[place]), loud=float(loud[place]))
