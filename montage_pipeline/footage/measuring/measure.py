"""Everything that is measured in a clip, in one pass through it.

Belongs here: the pass, and what is looked at how often. Does not belong here: how one thing is
measured (shots, still, movement, faces,
sound), and putting the results together (measures).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np
from av.video.frame import VideoFrame

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.container import open_clip, video_stream
from montage_pipeline.footage.decoding.damage import without
from montage_pipeline.footage.decoding.packets import PacketTable, entries_s, key_bits
from montage_pipeline.footage.decoding.reading import Piece, Reader, pieces_of
from montage_pipeline.footage.measuring import movement, still
from montage_pipeline.footage.measuring.coarse import scaled_to
from montage_pipeline.footage.measuring.faces import faces_in
from montage_pipeline.footage.measuring.lettering import writing
from montage_pipeline.footage.measuring.measures import SAMPLE_S, SHOWN_SIDE, ClipMeasures, Sample
from montage_pipeline.footage.measuring.planes import Plane, planes_of, small_chroma, small_luma
from montage_pipeline.footage.measuring.shots import SHORTEST_SHOT_S, ShotDetector
from montage_pipeline.footage.measuring.sound import Sound, listen
from montage_pipeline.footage.model import ClipFacts, ClipSource
from montage_pipeline.spans import Span

_STEP_S = 1 / 8  # least time between pictures whose movement is compared
_STEP_SLACK_S = 0.01  # three pictures of 25 a second are near enough
_PIECE_SAMPLED = 0.9
_LOOK_HZ = 31  # frames looked at for shot changes; of faster clips every second, third … frame
_SAMPLE_SIDE, _MOTION_SIDE, _SHOT_SIDE = 512, 160, 40


def measure(
    source: ClipSource,
    facts: ClipFacts,
    spans: Sequence[Span] = (),
    table: PacketTable | None = None,
    calm: Sequence[Span] = (),
    threads: int = 0,
) -> ClipMeasures:
    """Measure stretches of a clip in one pass: shots, samples every SAMPLE_S seconds, movement 8
    times a second, and its sound.

    `spans` are in order and do not overlap; none means the whole clip. `table` tells where each can
    be entered; without it the
    container is asked. `calm` are parts of the spans that need not be decoded, because it is known
    that no shot changes there.
    `threads` are the decoder's (0: as it likes).

    Raises PermanentError("clip_unreadable") when no picture of them can be decoded.
    """
    return _Pass(facts, table).run(source, tuple(spans), calm, threads)


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
        self._damaged: list[Span] = []
        self._steps: list[movement.Step] = []
        self._samples: list[Sample] = []
        self._decoded = 0

    def run(
        self, source: ClipSource, spans: tuple[Span, ...], calm: Sequence[Span], threads: int
    ) -> ClipMeasures:
        with open_clip(source) as container:
            reader = Reader(
                container,
                video_stream(container, self._facts, count=threads),
                self._facts,
                self._table,
            )
            if spans:
                for piece in pieces_of(spans, calm, self._table):
                    self._look_through(reader.frames(piece), piece, reader)
            else:
                whole = Span(self._facts.start_s, self._facts.start_s + self._facts.duration_s)
                self._look_through(reader.everything(whole), Piece(whole), reader)
        if not self._samples:
            raise PermanentError(ErrorCode.CLIP_UNREADABLE, "none of its pictures can be decoded")
        return ClipMeasures(
            facts=self._facts,
            looked_at=tuple(self._looked_at),
            shots=tuple(self._shots),
            samples=tuple(
                self._with_sound(listen(source, self._facts, self._looked_at, for_speech=True))
            ),
            steps=tuple(self._steps),
            damaged=tuple(self._damaged),
            decoded_frames=self._decoded,
            key_frames_s=entries_s(self._facts, self._table) if self._table is not None else (),
            key_bits=key_bits(self._facts, self._table) if self._table is not None else None,
        )

    def _look_through(
        self, frames: Iterator[tuple[float, VideoFrame]], piece: Piece, reader: Reader
    ) -> None:
        span = piece.span
        detector = ShotDetector(self._every / self._fps)
        self._meter.restart()
        next_sample_s = next_step_s = span.start_s
        # Of the little that is decoded before a calm part, the beginning and the end.
        sample_every_s = (
            min(SAMPLE_S, _PIECE_SAMPLED * span.duration_s)
            if piece.calm_until_s is not None
            else SAMPLE_S
        )
        first_s = last_s = None
        for index, (time_s, frame) in enumerate(frames):
            self._decoded += 1
            first_s, last_s = time_s if first_s is None else first_s, time_s
            if index % self._every:
                continue
            planes = planes_of(frame, self._facts)
            luma = small_luma(planes, self._facts, _MOTION_SIDE)
            chroma = small_chroma(planes, self._facts, _SHOT_SIDE)
            detector.add(
                time_s,
                cv2.resize(luma, chroma[0].shape[::-1], interpolation=cv2.INTER_AREA).astype(
                    np.uint8
                ),
                chroma,
            )
            if time_s >= next_step_s - _STEP_SLACK_S:
                next_step_s = time_s + _STEP_S
                if (step := self._meter.add(time_s, luma)) is not None:
                    self._steps.append(step)
            if time_s >= next_sample_s - 1e-6:
                next_sample_s = time_s + sample_every_s
                self._samples.append(
                    self._sample(
                        time_s, small_luma(planes, self._facts, _SAMPLE_SIDE), luma, chroma
                    )
                )
        if first_s is None or last_s is None:
            return  # nothing there can be decoded
        end_s = min(span.end_s, last_s + 1 / self._fps)
        seen = Span(max(span.start_s, first_s), end_s)
        damaged = reader.log.spans(seen)
        shots = list(without(detector.shots(end_s), damaged, SHORTEST_SHOT_S))
        if piece.after_calm and self._looked_at and self._looked_at[-1].end_s == span.start_s:
            # The shot that was calm goes on.
            before = self._looked_at.pop()
            if (
                self._shots
                and shots
                and self._shots[-1].end_s == before.end_s
                and shots[0].start_s == seen.start_s
            ):
                shots[0] = Span(self._shots.pop().start_s, shots[0].end_s)
            seen = Span(before.start_s, seen.end_s)
        if piece.calm_until_s is not None:
            if shots and shots[-1].end_s == seen.end_s:
                shots[-1] = Span(shots[-1].start_s, piece.calm_until_s)
            seen = Span(seen.start_s, piece.calm_until_s)
        self._looked_at.append(seen)
        self._damaged.extend(damaged)
        self._shots.extend(shots)

    def _sample(
        self, time_s: float, luma: Plane, small: Plane, chroma: tuple[Plane, Plane]
    ) -> Sample:
        shown = scaled_to(luma, SHOWN_SIDE)
        return Sample(
            time_s=time_s,
            sharpness=still.sharpness(luma),
            exposure=still.exposure(small),
            colour=still.colourfulness(*chroma),
            fingerprint=still.fingerprint(small),
            signature=still.signature(small),
            faces=tuple(faces_in(shown)),
            speech=0.0,
            loud=0.0,
            writing=writing(luma),
            luma=shown,
        )

    def _with_sound(self, sound: Sound) -> Iterator[Sample]:
        """Add what can only be told once the whole clip was heard: how loud is loud here."""
        times_s = np.array([sample.time_s for sample in self._samples])
        speech, loud = (
            sound.speech_share(times_s, 2 * SAMPLE_S),
            sound.loud_share(times_s, 2 * SAMPLE_S),
        )
        for place, sample in enumerate(self._samples):
            yield replace(sample, speech=float(speech[place]), loud=float(loud[place]))
