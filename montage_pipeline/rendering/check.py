"""The check of a finished file: its promises are measured on the file itself, by other means than
it was made with.

Belongs here: the rules of a Reel, as data, and the verdict. Does not belong here: reading the file
(tracks), or mending anything; a bad file is an error.

To add a rule, add a line to one of the four groups below.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import av

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.footage.model import FrameRate
from montage_pipeline.footage.names import clip_name
from montage_pipeline.media.loudness import SILENCE_LUFS, Loudness, measure_loudness
from montage_pipeline.rendering.audio.master import LOUDNESS_TOLERANCE_LU, loudness_verdict
from montage_pipeline.rendering.likeness import (
    SAMPLE_SIDE,
    Compared,
    Difference,
    differences,
    frames_to_compare,
)
from montage_pipeline.rendering.model import FileCheck, LoudnessVerdict, Rule, RuleGroup
from montage_pipeline.rendering.strict_decoding import Decoded, Samples, decode
from montage_pipeline.rendering.tracks import (
    BT709_TAGS,
    AudioTrack,
    Boxes,
    VideoTrack,
    read_boxes,
    read_tracks,
)
from montage_pipeline.rendering.video.encoding import MAX_BIT_RATE_MBPS, MAX_GOP_S

_PROFILES = ("Constrained Baseline", "Baseline", "Main", "High")
"""Of H.264: what every phone decodes in hardware."""

_TRUE_PEAK_SLACK_DB = 0.05
"""FFmpeg prints tenths."""

_SHOWN_INTERVALS = 5
_SHOWN_DIFFERENCES = 3


_LIKENESS = "frames that show what was analysed"


class BadRender(MontageError):
    """The finished file breaks rules; `rules` has all of them with what was measured.

    `misshown` are the numbers of the segments that show something else than what was analysed;
    `only_misshown` says that nothing else is wrong.
    """

    def __init__(self, name: str, rules: Sequence[Rule], misshown: Sequence[int] = ()) -> None:
        broken = [
            f"{rule.name} is {rule.measured}, expected {rule.expected}"
            for rule in rules
            if not rule.holds
        ]
        super().__init__(
            ErrorCode.BAD_RENDER,
            f"{name} breaks {len(broken)} rule(s): " + "; ".join(broken),
            broken=broken,
        )
        self.rules = tuple(rules)
        self.misshown = frozenset(misshown)
        self.only_misshown = all(rule.holds or rule.name == _LIKENESS for rule in rules)


@dataclass(frozen=True)
class _Measured:
    """Everything that was measured on a file, beside the timeline it was made from."""

    timeline: Timeline
    compared: list[Compared]
    video: VideoTrack
    audio: AudioTrack
    boxes: Boxes
    decoding: Decoded
    loudness: Loudness
    file_bytes: int
    sound_lowered_lu: float

    @property
    def frame_s(self) -> Fraction:
        return 1 / self.timeline.fps.fraction

    @property
    def video_end(self) -> Fraction:
        return self.video.times[-1] + self.frame_s if self.video.times else Fraction(0)

    @property
    def bit_rate_mbps(self) -> float:
        return float(self.file_bytes * 8 / max(self.video_end, self.frame_s) / 1_000_000)

    @cached_property
    def differences(self) -> list[Difference]:
        """Frames that do not show what was analysed; none where the file does not decode."""
        shown = self.decoding.shown
        if len(shown) != len(self.compared):
            return []
        return differences(self.timeline, self.compared, shown)

    @property
    def loudness_verdict(self) -> LoudnessVerdict | None:
        return loudness_verdict(
            self.loudness,
            self.timeline.target_lufs,
            self.timeline.max_true_peak_dbtp,
            self.sound_lowered_lu,
        )


@dataclass(frozen=True)
class _Finding:
    """What a rule measured and expected, and whether it holds; by default if both are equal."""

    name: str
    measured: object
    expected: object
    holds: bool | None = None


def check_file(
    path: Path,
    timeline: Timeline,
    sound_lowered_lu: float = 0.0,
    stills: Mapping[int, Path] = MappingProxyType({}),
) -> FileCheck:
    """Decode the whole file and measure it against the timeline and the rules of a Reel.

    `sound_lowered_lu` is what the mastering says it left the sound below the target. On the way the
    frames of the numbers in `stills` are written there, as JPEGs of the video's size.

    Raises BadRender, which names each broken rule with the measured and the expected value, and
    MontageError("bad_render") when the file cannot be read at all.
    """
    measured = _measure(path, timeline, sound_lowered_lu, stills)
    groups: dict[RuleGroup, Iterable[_Finding]] = {
        "picture": _video_findings(measured),
        "frames": _frame_findings(measured),
        "sound": _sound_findings(measured),
        "container": _container_findings(measured),
    }
    rules = [_rule(group, finding) for group, findings in groups.items() for finding in findings]
    if not all(rule.holds for rule in rules):
        misshown = {found.compared.segment for found in measured.differences}
        raise BadRender(path.name, rules, sorted(misshown))
    return _report(measured, rules)


def _video_findings(measured: _Measured) -> list[_Finding]:
    timeline, video = measured.timeline, measured.video
    size, wanted = f"{video.width}x{video.height}", f"{timeline.width}x{timeline.height}"
    profiles = " or ".join(_PROFILES)
    tags = "colour (range, matrix, primaries, transfer) in the"
    return [
        _Finding("size", size, wanted),
        _Finding("video codec", video.codec, "h264"),
        _Finding("profile", video.profile, profiles, video.profile in _PROFILES),
        _Finding("pixel format", video.pixel_format, "yuv420p"),
        _Finding(f"{tags} container", tuple(video.container_tags), tuple(BT709_TAGS)),
        _Finding(f"{tags} video stream", tuple(video.frame_tags), tuple(BT709_TAGS)),
    ]


def _frame_findings(measured: _Measured) -> list[_Finding]:
    timeline, video, decoding = measured.timeline, measured.video, measured.decoding
    intervals = {later - earlier for earlier, later in pairwise(video.times)}
    shown = ", ".join(f"{float(step):.6f} s" for step in sorted(intervals)[:_SHOWN_INTERVALS])
    frame = f"{float(measured.frame_s):.6f} s"
    gops = [b - a for a, b in pairwise((*video.keyframe_times, timeline.duration))]
    longest_s = max(gops, default=timeline.duration)
    longest = f"{float(longest_s):.3f} s"
    decoded = f"{decoding.frames}{decoding.complaint}"
    whole = decoding.frames == timeline.total_frames and not decoding.complaint
    return [
        _Finding("frames in the file", len(video.times), timeline.total_frames),
        _Finding("frame interval", shown, frame, intervals <= {measured.frame_s}),
        _Finding("first frame's time", video.times[0] if video.times else None, 0),
        _Finding("longest GOP", longest, f"at most {MAX_GOP_S} s", longest_s <= MAX_GOP_S),
        _Finding("keyframes that are not IDR (open GOPs)", video.open_gops, 0),
        _Finding("frames that decode", decoded, timeline.total_frames, whole),
        *_likeness_findings(measured),
    ]


def _likeness_findings(measured: _Measured) -> list[_Finding]:
    """Whether each segment shows what the analysis saw at the same time of its clip."""
    total = len(measured.compared)
    if not total:
        return []
    different = [
        f"segment {found.compared.segment} at frame {found.compared.number} "
        f"({_clip_of(measured.timeline, found.compared.segment)} at "
        f"{found.compared.miniature.time_s:.2f} s) is unlike it{found.where}: {found.alike:.2f}"
        for found in measured.differences
    ]
    alike = f"{min(total, len(measured.decoding.shown)) - len(different)} of {total}"
    shown = "; ".join([alike, *different[:_SHOWN_DIFFERENCES]])
    return [_Finding(_LIKENESS, shown, f"{total} of {total}")]


def _clip_of(timeline: Timeline, segment: int) -> str:
    return clip_name(timeline.segments[segment].clip_url)


def _sound_findings(measured: _Measured) -> list[_Finding]:
    audio, frame_s = measured.audio, measured.frame_s
    apart_s = abs(measured.video_end - audio.end)
    apart, at_most = f"{float(apart_s):.4f} s", f"at most {float(frame_s):.4f} s"
    start = f"{float(audio.start):.4f} s"
    return [
        _Finding("audio codec", f"{audio.codec} {audio.profile}", "aac LC"),
        _Finding("sample rate", audio.sample_rate, 48_000),
        _Finding("channels", audio.channels, 2),
        _Finding("gap between the ends of video and audio", apart, at_most, apart_s <= frame_s),
        _Finding("audio starts at", start, "0 s", audio.start == 0),
        *_loudness_findings(measured),
    ]


def _loudness_findings(measured: _Measured) -> list[_Finding]:
    timeline = measured.timeline
    lufs, peak = measured.loudness.integrated_lufs, measured.loudness.true_peak_dbtp
    verdict, target = measured.loudness_verdict, timeline.target_lufs
    shown = f"{lufs} LUFS ({verdict})" if verdict else f"{lufs} LUFS"
    expected = f"{target - LOUDNESS_TOLERANCE_LU:g} to {target + LOUDNESS_TOLERANCE_LU:g}"
    limit = timeline.max_true_peak_dbtp
    held = peak <= limit + _TRUE_PEAK_SLACK_DB
    return [
        _Finding("loudness", shown, expected, verdict is not None),
        _Finding("true peak", f"{peak} dBTP", f"at most {limit:g}", held),
    ]


def _container_findings(measured: _Measured) -> list[_Finding]:
    rate, busiest = measured.bit_rate_mbps, measured.video.busiest_second_mbps
    limit, at_most = MAX_BIT_RATE_MBPS, f"at most {MAX_BIT_RATE_MBPS:g}"
    return [
        _Finding("bit rate", f"{rate:.2f} Mbit/s", at_most, rate <= limit),
        _Finding("video's busiest second", f"{busiest:.2f} Mbit/s", at_most, busiest <= limit),
        _Finding("moov before mdat", measured.boxes.moov_first, True),
        _Finding("edit list", measured.boxes.edit_list, False),
    ]


def _rule(group: RuleGroup, finding: _Finding) -> Rule:
    equal = finding.measured == finding.expected
    return Rule(
        group=group,
        name=finding.name,
        measured=str(finding.measured),
        expected=str(finding.expected),
        holds=equal if finding.holds is None else finding.holds,
    )


def _report(measured: _Measured, rules: Sequence[Rule]) -> FileCheck:
    """The figures of a file that holds every rule."""
    video, audio, loudness = measured.video, measured.audio, measured.loudness
    fps = measured.timeline.fps.fraction
    return FileCheck(
        width=video.width,
        height=video.height,
        fps=FrameRate(num=fps.numerator, den=fps.denominator),
        frames=measured.decoding.frames,
        duration_s=float(measured.video_end),
        video_codec=video.codec,
        video_profile=video.profile,
        pixel_format=video.pixel_format,
        color_space="bt709",
        audio_codec=audio.codec,
        audio_sample_rate=audio.sample_rate,
        audio_channels=audio.channels,
        moov_first=measured.boxes.moov_first,
        bit_rate_mbps=round(measured.bit_rate_mbps, 3),
        loudness_lufs=loudness.integrated_lufs,
        loudness_verdict=measured.loudness_verdict or "on_target",
        true_peak_dbtp=loudness.true_peak_dbtp,
        rules=tuple(rules),
    )


def _measure(
    path: Path, timeline: Timeline, sound_lowered_lu: float, stills: Mapping[int, Path]
) -> _Measured:
    compared = frames_to_compare(timeline)
    samples = Samples([frame.number for frame in compared], _sample_size(timeline))
    with ThreadPoolExecutor(2, "check") as workers:
        decoding = workers.submit(decode, path, samples, stills)
        loudness = workers.submit(_loudness_of, path)
        try:
            video, audio = read_tracks(path)
        except (av.FFmpegError, ValueError, struct.error) as error:
            raise MontageError(
                ErrorCode.BAD_RENDER, f"{path.name} cannot be read: {error}"
            ) from error
        return _Measured(
            timeline=timeline,
            compared=compared,
            video=video,
            audio=audio,
            boxes=read_boxes(path),
            decoding=decoding.result(),
            loudness=loudness.result(),
            file_bytes=path.stat().st_size,
            sound_lowered_lu=sound_lowered_lu,
        )


def _sample_size(timeline: Timeline) -> tuple[int, int]:
    """Width and height of the frames that are compared."""
    scale = SAMPLE_SIDE / max(timeline.width, timeline.height)
    return max(1, round(timeline.width * scale)), max(1, round(timeline.height * scale))


def _loudness_of(path: Path) -> Loudness:
    try:
        return measure_loudness(path)
    except MontageError:
        # What is wrong with the sound is found by reading the tracks, and reported as rules.
        return Loudness(integrated_lufs=SILENCE_LUFS, true_peak_dbtp=SILENCE_LUFS, range_lu=0.0)
