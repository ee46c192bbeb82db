"""`RenderedVideo`: the finished file and what was measured on it; and what an engine is."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Protocol

from montage_pipeline.editing.timeline import Cover, Timeline
from montage_pipeline.footage.model import ClipSource, FrameRate
from montage_pipeline.records import Record
from montage_pipeline.vocabulary import Format

ProgressCallback = Callable[[float], None]
"""Called with the share done, 0..1, never decreasing, at most a few times a second."""

EngineName = Literal["ffmpeg", "moviepy"]


class EngineRun(Record):
    """How a render went.

    `seconds` is wall time. `parts` counts the chunks (one for each segment), `parts_reused` those
    that came from the store; `chunks` is where they are kept. `sound_lowered_lu` is how far (LU)
    the mastering left the sound below the target for the sake of its peaks, `sound_warnings` what
    the user must know of the mix.
    """

    engine: EngineName
    seconds: float
    encoder: str
    parts: int = 0
    parts_reused: int = 0
    chunks: tuple[str, ...] = ()
    sound_lowered_lu: float = 0.0
    sound_warnings: tuple[str, ...] = ()


class RenderEngine(Protocol):
    """Turns a timeline into a file."""

    name: EngineName

    def render(
        self,
        timeline: Timeline,
        sources: Mapping[str, ClipSource],
        music_path: Path,
        output: Path,
        progress: ProgressCallback,
        *,
        earlier_s: Mapping[int, float] | None = None,
    ) -> EngineRun:
        """Render to `output`, an MP4 that appears only when it is whole.

        `sources` maps each clip's URL to where it is read. `earlier_s` says of segments, by their
        numbers, how much earlier than need be (seconds) decoding of their clips begins; inf is
        from the clip's start.

        Raises RenderError with the engine's own reason, PermanentError when the timeline asks for
        something that the clips or the music do not have.
        """
        ...


LoudnessVerdict = Literal["on_target", "silent", "peak_limited"]
"""Why a loudness is right: it is the target's; there is nothing to hear; or the true-peak limit
allows no more.
"""

RuleGroup = Literal["picture", "frames", "sound", "container"]


class Rule(Record):
    """One rule that a finished file must hold to, with what was measured."""

    group: RuleGroup
    name: str
    measured: str
    expected: str
    holds: bool


class FileCheck(Record):
    """What the check of the finished file measured; made only when every rule held."""

    width: int
    height: int
    fps: FrameRate
    frames: int
    duration_s: float
    video_codec: str
    video_profile: str
    pixel_format: str
    color_space: str
    audio_codec: str
    audio_sample_rate: int
    audio_channels: int
    moov_first: bool
    bit_rate_mbps: float
    loudness_lufs: float
    loudness_verdict: LoudnessVerdict
    true_peak_dbtp: float
    rules: tuple[Rule, ...] = ()


class FormatVideo(Record):
    """The same edit in another shape: its file and what was measured on it."""

    format: Format
    key: str
    sha256: str
    bytes: int
    poster_key: str
    run: EngineRun
    check: FileCheck
    warnings: tuple[str, ...] = ()


class RenderedVideo(Record):
    """The value of the `rendered_video` asset. The files are in the object store.

    `covers` are the frames that could stand for it, the best first, which is the poster; empty for
    a Reel of an earlier release. `formats` are the further shapes that were asked for. A `preview`
    is a draft of half the size.
    """

    schema_version: Literal[1] = 1
    key: str
    sha256: str
    bytes: int
    content_type: Literal["video/mp4"] = "video/mp4"
    poster_key: str
    covers: tuple[Cover, ...] = ()
    run: EngineRun
    check: FileCheck
    warnings: tuple[str, ...] = ()
    preview: bool = False
    formats: tuple[FormatVideo, ...] = ()
