"""`Timeline`: the edit, frame-exact and serialisable; everything a renderer needs."""

from fractions import Fraction
from typing import Any, Literal

from pydantic import Field, model_validator

from montage_pipeline.footage.model import ClipFacts, FrameRate
from montage_pipeline.records import Record
from montage_pipeline.vocabulary import Format


class CropRect(Record):
    """A rectangle in displayed pixels of the source (after rotation and square pixels)."""

    x: int = Field(ge=0)
    y: int = Field(ge=0)
    width: int = Field(gt=0)
    height: int = Field(gt=0)


def eased(share: float) -> float:
    """How far a moving crop has come when `share` (0..1) of the segment is over: it starts and ends
    at rest.
    """
    return share * share * (3 - 2 * share)


class Effect(Record):
    """A MoviePy effect on one segment: a name of `moviepy.video.fx` and its parameters."""

    name: str = Field(min_length=1)
    parameters: dict[str, Any] = Field(default_factory=dict)


class Segment(Record):
    """One cut of the Reel.

    Output frame k of the segment (0 <= k < frames) shows the source frame on screen at
    presentation time `source_in_s + k / fps` of the timeline. `source_in_s` is the presentation
    time of the first frame shown. `on_beat` says whether the segment *ends* on a beat.
    `moment` is the id in the ClipAnalysis; `why` is a sentence for people.
    With `crop_end` the crop moves smoothly from `crop` to there, which has the same size, over the
    whole segment.
    `caption` is drawn on the picture.
    A segment with an `effect` is rendered by MoviePy, whichever engine renders the rest.
    """

    clip_url: str
    clip: int
    moment: str
    source_in_s: float = Field(ge=0)
    frames: int = Field(gt=0)
    crop: CropRect
    crop_end: CropRect | None = None
    on_beat: bool
    role: Literal["hook", "body", "ending"]
    clip_gain_db: float = 0.0
    score: float = 0.0
    why: str
    effect: Effect | None = None
    caption: str = ""


class MusicPlacement(Record):
    """The music under the Reel: which file, from where, how loud, how it ends.

    `gain_db` applies before the master is brought to the loudness target; `duck_db` is how far
    the music dips under clip sound that matters; `source_in_s` is the second of the file that
    plays at the Reel's first frame.
    """

    key: str
    source_in_s: float = Field(ge=0)
    gain_db: float = 0.0
    duck_db: float = -9.0
    fade_in_s: float = 0.0
    fade_out_s: float = 1.5


class OriginalityPart(Record):
    """One reason points were kept or lost, 0..1, with its weight and a sentence."""

    name: str
    score: float = Field(ge=0, le=1)
    weight: float = Field(ge=0)
    note: str = ""


class Originality(Record):
    """How little the Reel repeats itself: 0..1 and what it is made of."""

    score: float = Field(ge=0, le=1)
    parts: tuple[OriginalityPart, ...] = ()


class PlanProof(Record):
    """How good the edit is, by the planner's objective (in points), and what was proved about it.

    No edit of the space that was searched (places where moments can begin, cuts on beats, this
    start of the music) has more
    points than `bound`; `gap` is what the edit may lack at the most, as a share of the bound, or of
    one point for each cut
    where the bound is less than that.
    """

    objective: float
    bound: float
    gap: float = Field(ge=0)


class Timeline(Record):
    """The value of the `edit_timeline` asset. Segments play back to back; the first is the hook."""

    schema_version: Literal[1] = 1
    request_id: str
    seed: int
    style: str
    format: Format
    width: int
    height: int
    fps: FrameRate
    total_frames: int = Field(gt=0)
    asked_duration_s: float
    clips: tuple[ClipFacts, ...]
    segments: tuple[Segment, ...] = Field(min_length=1)
    music: MusicPlacement
    originality: Originality
    proof: PlanProof | None = None
    target_lufs: float = -14.0
    max_true_peak_dbtp: float = -1.0
    warnings: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _frames_add_up(self) -> "Timeline":
        total = sum(segment.frames for segment in self.segments)
        if total != self.total_frames:
            raise ValueError(f"segments have {total} frames, total_frames says {self.total_frames}")
        for segment in self.segments:
            if segment.clip >= len(self.clips) or self.clips[segment.clip].url != segment.clip_url:
                raise ValueError(
                    f"segment names clip {segment.clip} ({segment.clip_url}), which is not in clips"
                )
            facts = self.clips[segment.clip]
            for crop in (segment.crop, segment.crop_end or segment.crop):
                if crop.x + crop.width > facts.width or crop.y + crop.height > facts.height:
                    raise ValueError(
                        f"crop {crop} leaves the {facts.width}x{facts.height} picture of {segment.clip_url}"
                    )
                if (crop.width, crop.height) != (segment.crop.width, segment.crop.height):
                    raise ValueError(
                        f"a crop that moves keeps its size; {segment.clip_url} has {segment.crop} and {crop}"
                    )
        return self

    @property
    def duration(self) -> Fraction:
        """Length in seconds, exact."""
        return self.total_frames / self.fps.fraction

    @property
    def cut_frames(self) -> tuple[int, ...]:
        """Frame numbers at which a new segment starts, without 0."""
        cuts: list[int] = []
        frame = 0
        for segment in self.segments[:-1]:
            frame += segment.frames
            cuts.append(frame)
        return tuple(cuts)
