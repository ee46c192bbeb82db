"""`ClipAnalysis`: which moments of which clips are worth showing, and why."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from montage_pipeline.errors import ErrorCode
from montage_pipeline.footage.model import Box, ClipFacts, Miniature
from montage_pipeline.records import Migration, Record

RejectCode = Literal[
    "blurred",
    "dark",
    "overexposed",
    "shaky",
    "frozen",
    "black",
    "duplicate",
    "too_short",
    "irrelevant",
    "unwanted",
    "borders",
    "watermark",
    "text",
    "other",
]

StoryRole = Literal["opening", "scene", "action", "detail", "reaction", "ending"]
MomentMood = Literal["calm", "joyful", "funny", "tender", "tense", "energetic", "epic", "neutral"]


class RejectReason(Record):
    """Why a moment must not be used."""

    code: RejectCode
    message: str


class QualityScores(Record):
    """Measures of a moment, each 0 (worst) to 1 (best).

    `stability` is 1 for a camera at rest, `motion` the energy of movement in the frame (neither end
    is bad by itself), `action` how much moves, inside an upright crop of the middle, apart from the
    rest of the frame, `living` how much of such a crop a person or animal fills, `faces` 1 for a
    large face throughout, `speech` the share of the moment in which someone talks, `loud` the share
    in which the sound is loud or sudden, `novelty` 0 for a moment that looks like another one of
    the analysis and 1 for one that looks like none.
    """

    sharpness: float = Field(ge=0, le=1)
    exposure: float = Field(ge=0, le=1)
    stability: float = Field(ge=0, le=1)
    motion: float = Field(ge=0, le=1)
    colour: float = Field(ge=0, le=1)
    faces: float = Field(ge=0, le=1)
    living: float = Field(default=0.0, ge=0, le=1)
    action: float = Field(default=0.0, ge=0, le=1)
    speech: float = Field(ge=0, le=1)
    loud: float = Field(default=0.0, ge=0, le=1)
    novelty: float = Field(default=1.0, ge=0, le=1)


class SubjectPoint(Record):
    """Where the subject is at a presentation time (seconds), and what shows it."""

    time_s: float
    box: Box
    source: Literal["face", "model", "motion", "saliency"]


class Overlay(Record):
    """Something put over the frame after it was filmed, and where."""

    kind: Literal["watermark", "text"]
    box: Box


class LivingThing(Record):
    """A person or an animal in a frame, and how sure that is (0..1)."""

    box: Box
    score: float


class LivingSighting(Record):
    """The people and animals in the frame at a presentation time (seconds), the surest first."""

    time_s: float
    things: tuple[LivingThing, ...]


class Movement(Record):
    """What moves at a presentation time (seconds), once the camera's own movement is undone: how
    much in each of 16 columns (`across`, from the left) and rows (`down`, from the top) of the
    frame, in levels of luma. A point is about half a second.
    """

    time_s: float
    across: tuple[float, ...]
    down: tuple[float, ...]


class TimeSpan(Record):
    """A span of a clip, in its presentation time (seconds)."""

    start_s: float
    end_s: float


class HookWindow(Record):
    """How well the seconds from a presentation time on would open a Reel, 0..1."""

    start_s: float
    score: float = Field(ge=0, le=1)


class Moment(Record):
    """A judged span of one shot, in the clip's presentation time (seconds).

    A moment never crosses a cut of the source. `quality` is the technical verdict, `interest` how
    much it is worth showing, `hook` how well it opens the Reel, and `hook_windows` from
    where in it: none where it is shorter than a hook, or in older documents. `fingerprint` is a
    64-bit perceptual hash of its middle frame as 16 hex digits.

    `subject` is where to look over all of it, when known, and `subject_path` where to look when,
    ascending in time; a face's box there takes in head and shoulders. `without_subject` are the
    parts in which the face or the movement that the path follows elsewhere is gone. `travel_x` and
    `travel_y` say how fast the camera turns or goes, right and down, in longer sides of the frame
    per second; 0 also where that is not known. `faces` are
    those of the frame with the most, largest first; `overlays` what a crop had better leave out.

    `judged` says that somebody looked at the moment and scored what it shows. `role`, `mood` and
    `peak_s` (the best instant) are known of those that were judged in detail.
    """

    id: str
    clip: int
    start_s: float
    end_s: float
    scores: QualityScores
    quality: float = Field(ge=0, le=1)
    interest: float = Field(ge=0, le=1)
    hook: float = Field(ge=0, le=1)
    hook_windows: tuple[HookWindow, ...] = ()
    subject: Box | None = None
    subject_path: tuple[SubjectPoint, ...] = ()
    without_subject: tuple[TimeSpan, ...] = ()
    faces: tuple[Box, ...] = ()
    living: tuple[LivingSighting, ...] = ()
    movement: tuple[Movement, ...] = ()
    travel_x: float = 0.0
    travel_y: float = 0.0
    overlays: tuple[Overlay, ...] = ()
    fingerprint: str = Field(pattern=r"^[0-9a-f]{16}$")
    description: str = ""
    role: StoryRole | None = None
    mood: MomentMood | None = None
    peak_s: float | None = None
    judged: bool = False
    rejects: tuple[RejectReason, ...] = ()

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


class Instant(Record):
    """How the clip looks at a presentation time (seconds), beside the rest of the clip: above 0
    clearer, richer in colour and calmer than its usual self, below 0 the contrary, as when a hand
    covers the lens or the camera is swung about. From -1 to 1.
    """

    time_s: float
    score: float = Field(ge=-1, le=1)


class AnalysedClip(Record):
    """One usable clip: what it is, its shots, and its moments in order of time.

    `shots` lie between two cuts of the source, in the spans that were looked at closely.
    `key_frames_s` are the presentation times in the moments at which decoding can begin; empty
    where they are not known, and where it can begin at any frame. `phrases` are when someone talks
    without a pause. `miniatures` are what was seen in the moments, in order of time: a finished
    Reel is held against them.
    """

    facts: ClipFacts
    shots: tuple[TimeSpan, ...]
    moments: tuple[Moment, ...]
    key_frames_s: tuple[float, ...] = ()
    instants: tuple[Instant, ...] = ()
    phrases: tuple[TimeSpan, ...] = ()
    miniatures: tuple[Miniature, ...] = ()


class RejectedClip(Record):
    """A clip that was left out as a whole, with the reason to tell the user."""

    url: str
    code: ErrorCode
    message: str


class RejectedSpan(Record):
    """A span of a clip, in its presentation time (seconds), that turned out to be unusable after it
    was analysed, with the reason to tell the user.
    """

    url: str
    start_s: float
    end_s: float
    message: str


class AnalystFacts(Record):
    """Who made the analysis. All but `name` is empty for the local analyst.

    `predicted_tokens` and `billed_tokens` are the input tokens of the call that was answered: as
    predicted here, and as the provider counted them.
    """

    name: Literal["claude", "local"]
    model: str = ""
    prompt_version: str = ""
    predicted_tokens: int = 0
    billed_tokens: int = 0


def _with_picture_among_facts(fields: dict[str, Any]) -> dict[str, Any]:
    """Of version 1: what lies inside borders was said beside the facts of a clip."""
    clips = []
    for clip in fields["clips"]:
        others = {name: value for name, value in clip.items() if name != "picture"}
        clips.append(others | {"facts": clip["facts"] | {"picture": clip.get("picture")}})
    return fields | {"clips": clips}


class ClipAnalysis(Record):
    """The value of the `clip_analysis` asset.

    `Moment.clip` is an index of `clips`. `hook_moment` and every id in `best_moments` (best first)
    name moments that are not rejected. `asked` is the SHA-256 of what it was made from; empty where
    it must not be used again.
    """

    schema_version: Literal[2] = 2
    migrations: ClassVar[Mapping[int, Migration]] = {1: _with_picture_among_facts}

    clips: tuple[AnalysedClip, ...]
    rejected_clips: tuple[RejectedClip, ...]
    hook_moment: str
    best_moments: tuple[str, ...]
    mood: str
    music_prompt: str
    suggested_bpm: int = Field(ge=50, le=200)
    analyst: AnalystFacts
    warnings: tuple[str, ...] = ()
    asked: str = ""

    def moment(self, moment_id: str) -> Moment:
        """The moment with that id; KeyError when there is none."""
        for clip in self.clips:
            for moment in clip.moments:
                if moment.id == moment_id:
                    return moment
        raise KeyError(moment_id)
