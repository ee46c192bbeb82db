"""`Timeline`: the edit, frame-exact and serialisable; everything a renderer needs.

Belongs here: the document and what must hold in it. Does not belong here: how it comes about.
"""

from fractions import Fraction
from typing import Any, Literal

from pydantic import Field, model_validator

from montage_pipeline.analysis.model import RejectedSpan
from montage_pipeline.footage.model import ClipFacts, FrameRate, Miniature
from montage_pipeline.records import Record
from montage_pipeline.spans import Span
from montage_pipeline.vocabulary import Format

MIN_HEARD_SPEED = 0.9
"""Speed from which a segment keeps its clip's sound, at its own pitch. Slower sound is no longer
what was heard there; slow motion is silent but for the music, as viewers know it.
"""

_ABOUT_HALF = 0.005
"""Clips of 59.94 frames a second, and of measured rates, play at half speed or nearly."""


class CropRect(Record):
    """A rectangle in displayed pixels of the source (after rotation, with square pixels)."""

    x: int = Field(ge=0)
    y: int = Field(ge=0)
    width: int = Field(gt=0)
    height: int = Field(gt=0)


def eased(share: float) -> float:
    """How far a moving crop has come (0..1) when `share` (0..1) of its segment has been shown.

    It starts and ends at rest.
    """
    return share * share * (3 - 2 * share)


def speed_in_words(speed: float) -> str:
    """A segment's speed for people."""
    if speed >= MIN_HEARD_SPEED:
        return f"{1 - speed:.1%} slower"
    return "half speed" if abs(speed - 1 / 2) < _ABOUT_HALF else f"{speed:.0%} of its speed"


class Effect(Record):
    """A MoviePy effect on one segment: a name of `moviepy.video.fx` and its parameters."""

    name: str = Field(min_length=1)
    parameters: dict[str, Any] = Field(default_factory=dict)


class Grade(Record):
    """How a segment's colours are brought towards the Reel's, and given the style's look.

    It changes BT.709 Y'CbCr of the output, Y' from 0 (black) to 1 (white), in this order: share
    `blue` of Y' is added to Cb and share `red` to Cr, which is a gain of each channel on grey; Cb
    and Cr are multiplied by `saturation`; Y' is raised to `gamma` (below 1 brightens), then bent
    into an S by `contrast`. Black and white stay where they are.
    """

    gamma: float = Field(1.0, gt=0)
    contrast: float = Field(0.0, gt=-1, lt=1)
    saturation: float = Field(1.0, gt=0)
    red: float = 0.0
    blue: float = 0.0


class ReelColours(Record):
    """What most of a Reel looks like before it is graded, in CIE L*a*b*: its grades go by it."""

    lightness: float
    chroma: float
    tint: tuple[float, float]


class Segment(Record):
    """One shot of the Reel, shown without a break.

    Output frame k of the segment (0 <= k < frames) shows the source frame on screen at presentation
    time `source_in_s + k * speed / fps`, where `fps` is the timeline's. `speed` is 1 unless the
    footage is too short without: see `editing.short_footage`. `on_beat` says whether the segment
    *ends* on a beat. `moment` is an id of the ClipAnalysis; `why` is for people to read.

    With `crop_end` the crop moves smoothly from `crop` to there over the whole segment; both have
    the same size. `steadying` is how far the crop is moved on top of that at each of its frames, so
    that a shaking camera looks steady: x and y in displayed pixels of the source.

    `muted`: its user wants its clip's own sound left out.

    `caption` is drawn over the frame. A segment with an `effect` is rendered by MoviePy, whichever
    engine renders the rest. Without a `grade` it is shown as it was shot. `miniatures` are what the
    analysis saw of it, of the whole frame: the finished file is held against them.
    """

    clip_url: str
    clip: int
    moment: str
    source_in_s: float
    speed: float = Field(1.0, gt=0, le=1)
    frames: int = Field(gt=0)
    crop: CropRect
    crop_end: CropRect | None = None
    steadying: tuple[tuple[float, float], ...] = ()
    on_beat: bool
    role: Literal["hook", "body", "ending"]
    clip_gain_db: float = 0.0
    muted: bool = False
    score: float = 0.0
    why: str
    effect: Effect | None = None
    caption: str = ""
    grade: Grade | None = None
    miniatures: tuple[Miniature, ...] = ()

    def source_s(self, frame: float, fps: Fraction) -> float:
        """The presentation time that output frame `frame` of the segment shows."""
        return self.source_in_s + frame * self.speed / float(fps)

    def source_span(self, fps: Fraction) -> Span:
        """What of its clip the segment shows."""
        return Span(self.source_in_s, self.source_s(self.frames, fps))

    @property
    def is_heard(self) -> bool:
        """Whether its clip's own sound belongs to the Reel."""
        return self.speed >= MIN_HEARD_SPEED and not self.muted


def crop_corner(segment: Segment, frame: float) -> tuple[float, float]:
    """Where the crop's corner is at a frame of the segment (x, y in displayed source pixels)."""
    begin, end = segment.crop, segment.crop_end or segment.crop
    way = eased(frame / max(1, segment.frames - 1))
    x, y = begin.x + (end.x - begin.x) * way, begin.y + (end.y - begin.y) * way
    if segment.steadying:
        by_x, by_y = segment.steadying[min(max(round(frame), 0), segment.frames - 1)]
        x, y = x + by_x, y + by_y
    return x, y


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
    """One aspect of originality: its score (0..1), its weight and a sentence for people."""

    name: str
    score: float = Field(ge=0, le=1)
    weight: float = Field(ge=0)
    note: str = ""


class Originality(Record):
    """How little the Reel repeats, 0..1, and the parts this is made of."""

    score: float = Field(ge=0, le=1)
    parts: tuple[OriginalityPart, ...] = ()


class Cover(Record):
    """A frame of the Reel that could stand for it, by its number, and of which segment it is.

    `score` says how good it is, 0..1, `why` for people.
    """

    frame: int = Field(ge=0)
    segment: int = Field(ge=0)
    score: float = Field(ge=0, le=1)
    why: str


class PlanProof(Record):
    """How good the edit is by the planner's objective (in points), and what was proved about it.

    No edit of the space that was searched (places where segments can begin, cuts on beats, this
    start of the music) has more points than `bound`. `gap` is the most the edit can lack, as a
    share of the bound, or of one point for each segment where the bound is less than that.
    """

    objective: float
    bound: float
    gap: float = Field(ge=0)


class Timeline(Record):
    """The value of the `edit_timeline` asset. Segments play back to back; the first is the hook.

    `cover_candidates` are worth a look when it is rendered, the most promising first.
    `left_out` are spans that an earlier plan showed and the renderer could not: this one was made
    without them. Without `colours` its segments are not graded, or by an earlier release.
    """

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
    colours: ReelColours | None = None
    cover_candidates: tuple[Cover, ...] = ()
    target_lufs: float = -14.0
    max_true_peak_dbtp: float = -1.0
    left_out: tuple[RejectedSpan, ...] = ()
    warnings: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _frames_add_up(self) -> "Timeline":
        total = sum(segment.frames for segment in self.segments)
        if total != self.total_frames:
            raise ValueError(f"segments have {total} frames, total_frames says {self.total_frames}")

        return self

    @model_validator(mode="after")
    def _segments_fit_their_clips(self) -> "Timeline":
        for segment in self.segments:
            if segment.clip >= len(self.clips) or self.clips[segment.clip].url != segment.clip_url:
                raise ValueError(
                    f"segment names clip {segment.clip} ({segment.clip_url}), which is not in clips"
                )
            for crop in (segment.crop, segment.crop_end or segment.crop):
                _check_crop(crop, segment, self.clips[segment.clip])
            _check_steadying(segment, self.clips[segment.clip])
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


def _check_crop(crop: CropRect, segment: Segment, facts: ClipFacts) -> None:
    if crop.x + crop.width > facts.width or crop.y + crop.height > facts.height:
        raise ValueError(
            f"crop {crop} leaves the {facts.width}x{facts.height} frame of {segment.clip_url}"
        )
    if (crop.width, crop.height) != (segment.crop.width, segment.crop.height):
        raise ValueError(
            f"a crop that moves keeps its size; {segment.clip_url} has {segment.crop} and {crop}"
        )


_STEADYING_SLACK_PX = 0.01  # shifts are stored rounded


def _check_steadying(segment: Segment, facts: ClipFacts) -> None:
    if not segment.steadying:
        return
    if len(segment.steadying) != segment.frames:
        raise ValueError(
            f"steadying has {len(segment.steadying)} shifts for {segment.frames} frames of "
            f"{segment.clip_url}"
        )
    room_x, room_y = facts.width - segment.crop.width, facts.height - segment.crop.height
    for frame in range(segment.frames):
        x, y = crop_corner(segment, frame)
        slack = _STEADYING_SLACK_PX
        if not (-slack <= x <= room_x + slack and -slack <= y <= room_y + slack):
            raise ValueError(
                f"steadying moves the crop of {segment.clip_url} out of its frame at {frame}"
            )
