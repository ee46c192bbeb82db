"""The check of a finished file: what it promises is measured on the file itself, by other means
than it was made with.

Belongs here: the rules of a Reel and the measuring. Does not belong here: mending anything; a bad
file is an error.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import av
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.footage.model import FrameRate
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.media.loudness import SILENCE_LUFS, Loudness, measure_loudness
from montage_pipeline.rendering.audio.master import LOUDNESS_TOLERANCE_LU, loudness_verdict
from montage_pipeline.rendering.model import FileCheck, Rule, RuleGroup
from montage_pipeline.rendering.video.encoding import MAX_BIT_RATE_MBPS, MAX_GOP_S

_PROFILES = ("Constrained Baseline", "Baseline", "Main", "High")
_IDR = 5
_TRUE_PEAK_SLACK_DB = 0.05  # FFmpeg prints tenths
_DECODED = re.compile(r"frame=\s*(\d+)")
_REASON_LINES = 3


@dataclass(frozen=True)
class _Video:
    """The picture track as its packets and headers say. Times in seconds, exact."""

    width: int
    height: int
    codec: str
    profile: str
    pixel_format: str
    container_tags: tuple[int, int, int, int]
    picture_tags: tuple[int, int, int, int]
    times: tuple[Fraction, ...]
    sizes: tuple[int, ...]
    key_times: tuple[Fraction, ...]
    open_keys: int


@dataclass(frozen=True)
class _Audio:
    """The sound track as its packets and headers say. Times in seconds, exact."""

    codec: str
    profile: str
    sample_rate: int
    channels: int
    start: Fraction
    end: Fraction


class _Rules:
    """Collects every rule with what was measured."""

    def __init__(self) -> None:
        self.all: list[Rule] = []

    def hold(
        self,
        group: RuleGroup,
        name: str,
        measured: object,
        expected: object,
        *,
        when: bool | None = None,
    ) -> None:
        """Note a rule; it holds if `when` does (by default: measured equals expected)."""
        holds = measured == expected if when is None else when
        self.all.append(
            Rule(
                group=group, name=name, measured=str(measured), expected=str(expected), holds=holds
            )
        )


def check_file(path: Path, timeline: Timeline) -> FileCheck:
    """Decode the whole file and measure it against the timeline and the rules of a Reel.

    Raises BadRender, which names each broken rule with the measured and the expected value.
    """
    rules = _Rules()
    with ThreadPoolExecutor(2, "check") as workers:
        decoding, measuring = workers.submit(_decode, path), workers.submit(_loudness, path)
        try:
            video, audio = _read_tracks(path)
        except (av.FFmpegError, ValueError, struct.error) as error:
            raise MontageError(
                ErrorCode.BAD_RENDER, f"{path.name} cannot be read: {error}"
            ) from error
        decoded, complaint = decoding.result()
        loudness = measuring.result()
    fps = timeline.fps.fraction
    frame_s = 1 / fps

    rules.hold(
        "picture", "size", f"{video.width}x{video.height}", f"{timeline.width}x{timeline.height}"
    )
    rules.hold("picture", "video codec", video.codec, "h264")
    rules.hold(
        "picture", "profile", video.profile, " or ".join(_PROFILES), when=video.profile in _PROFILES
    )
    rules.hold("picture", "pixel format", video.pixel_format, "yuv420p")
    tags = "colour (range, matrix, primaries, transfer) in the"
    rules.hold("picture", f"{tags} container", video.container_tags, _BT709_TAGS)
    rules.hold("picture", f"{tags} picture", video.picture_tags, _BT709_TAGS)

    steps = {later - earlier for earlier, later in pairwise(video.times)}
    shown_steps = ", ".join(f"{float(step):.6f} s" for step in sorted(steps)[:5])
    gops = [later - earlier for earlier, later in pairwise((*video.key_times, timeline.duration))]
    longest_s = max(gops, default=timeline.duration)
    rules.hold("frames", "frames in the file", len(video.times), timeline.total_frames)
    rules.hold(
        "frames", "frame interval", shown_steps, f"{float(frame_s):.6f} s", when=steps <= {frame_s}
    )
    rules.hold("frames", "first frame's time", video.times[0] if video.times else None, 0)
    rules.hold(
        "frames",
        "longest GOP",
        f"{float(longest_s):.3f} s",
        f"at most {MAX_GOP_S} s",
        when=longest_s <= MAX_GOP_S,
    )
    rules.hold("frames", "key frames that are not IDR (open GOPs)", video.open_keys, 0)
    whole = decoded == timeline.total_frames and not complaint
    rules.hold(
        "frames", "frames that decode", f"{decoded}{complaint}", timeline.total_frames, when=whole
    )

    video_end = video.times[-1] + frame_s if video.times else Fraction(0)
    apart = abs(video_end - audio.end)
    rules.hold("sound", "audio codec", f"{audio.codec} {audio.profile}", "aac LC")
    rules.hold("sound", "sample rate", audio.sample_rate, 48_000)
    rules.hold("sound", "channels", audio.channels, 2)
    rules.hold(
        "sound",
        "sound and picture end apart",
        f"{float(apart):.4f} s",
        f"at most {float(frame_s):.4f} s",
        when=apart <= frame_s,
    )
    rules.hold(
        "sound", "sound starts at", f"{float(audio.start):.4f} s", "0 s", when=audio.start == 0
    )
    lufs, peak = loudness.integrated_lufs, loudness.true_peak_dbtp
    low, high = (
        timeline.target_lufs - LOUDNESS_TOLERANCE_LU,
        timeline.target_lufs + LOUDNESS_TOLERANCE_LU,
    )
    limit = timeline.max_true_peak_dbtp
    verdict = loudness_verdict(loudness, timeline.target_lufs, limit)
    rules.hold(
        "sound",
        "loudness",
        f"{lufs} LUFS ({verdict})" if verdict else f"{lufs} LUFS",
        f"{low:g} to {high:g}",
        when=verdict is not None,
    )
    rules.hold(
        "sound",
        "true peak",
        f"{peak} dBTP",
        f"at most {limit:g}",
        when=peak <= limit + _TRUE_PEAK_SLACK_DB,
    )

    bit_rate_mbps = float(path.stat().st_size * 8 / max(video_end, frame_s) / 1_000_000)
    busiest_mbps = _busiest_second_mbps(video)
    expected_rate = f"at most {MAX_BIT_RATE_MBPS:g}"
    rules.hold(
        "container",
        "bit rate",
        f"{bit_rate_mbps:.2f} Mbit/s",
        expected_rate,
        when=bit_rate_mbps <= MAX_BIT_RATE_MBPS,
    )
    rules.hold(
        "container",
        "picture's busiest second",
        f"{busiest_mbps:.2f} Mbit/s",
        expected_rate,
        when=busiest_mbps <= MAX_BIT_RATE_MBPS,
    )
    moov_first, edit_list = _layout(path)
    rules.hold("container", "moov before mdat", moov_first, True)
    rules.hold("container", "edit list", edit_list, False)

    if not all(rule.holds for rule in rules.all):
        raise BadRender(path.name, rules.all)
    return FileCheck(
        width=video.width,
        height=video.height,
        fps=FrameRate(num=fps.numerator, den=fps.denominator),
        frames=decoded,
        duration_s=float(video_end),
        video_codec=video.codec,
        video_profile=video.profile,
        pixel_format=video.pixel_format,
        color_space="bt709",
        audio_codec=audio.codec,
        audio_sample_rate=audio.sample_rate,
        audio_channels=audio.channels,
        moov_first=moov_first,
        bit_rate_mbps=round(bit_rate_mbps, 3),
        loudness_lufs=lufs,
        loudness_verdict=verdict or "on_target",
        true_peak_dbtp=peak,
        rules=tuple(rules.all),
    )


class BadRender(MontageError):
    """The finished file breaks rules; `rules` has all of them with what was measured."""

    def __init__(self, name: str, rules: Sequence[Rule]) -> None:
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


def _loudness(path: Path) -> Loudness:
    try:
        return measure_loudness(path)
    except MontageError:
        # What is wrong with the sound is found by reading the tracks, and told in the words of the
        # rules.
        return Loudness(integrated_lufs=SILENCE_LUFS, true_peak_dbtp=SILENCE_LUFS, range_lu=0.0)


def _busiest_second_mbps(video: _Video) -> float:
    """Bits of the picture in the worst second, from any frame on, in Mbit."""
    worst, first, inside = 0, 0, 0
    for number, time in enumerate(video.times):
        inside += video.sizes[number]
        while time - video.times[first] >= 1:
            inside -= video.sizes[first]
            first += 1
        worst = max(worst, inside)
    return worst * 8 / 1_000_000


_BT709_TAGS = (
    int(ColorRange.MPEG),
    int(Colorspace.ITU709),
    int(ColorPrimaries.BT709),
    int(ColorTrc.BT709),
)


def _read_tracks(path: Path) -> tuple[_Video, _Audio]:
    with av.open(f"file:{path}", options={"protocol_whitelist": "file"}) as container:
        if len(container.streams.video) != 1 or len(container.streams.audio) != 1:
            raise ValueError(
                f"it has {len(container.streams.video)} video and {len(container.streams.audio)} audio tracks, expected one of each"
            )
        picture, sound = container.streams.video[0], container.streams.audio[0]
        context, tone = picture.codec_context, sound.codec_context
        picture_base, sound_base = picture.time_base or Fraction(1), sound.time_base or Fraction(1)
        # Before anything is decoded, these come from the container's own box; a decoder replaces
        # them by the stream's.
        container_tags = (
            int(context.color_range),
            int(context.colorspace),
            int(context.color_primaries),
            int(context.color_trc),
        )
        times: list[tuple[Fraction, int]] = []
        keys: list[Fraction] = []
        open_keys = 0
        ends: list[Fraction] = []
        starts: list[Fraction] = []
        first = next(container.decode(picture), None)
        if first is None:
            raise ValueError("its video track has no picture")
        container.seek(0)
        for packet in container.demux(picture, sound):
            if packet.pts is None or not packet.size:
                continue
            if packet.stream_index == sound.index:
                starts.append(packet.pts * sound_base)
                ends.append((packet.pts + (packet.duration or 0)) * sound_base)
                continue
            times.append((packet.pts * picture_base, packet.size))
            if packet.is_keyframe:
                keys.append(packet.pts * picture_base)
                open_keys += _IDR not in _nal_types(bytes(packet))
        times.sort()
        video = _Video(
            width=picture.width,
            height=picture.height,
            codec=context.name,
            profile=context.profile or "unknown",
            pixel_format=str(context.pix_fmt),
            container_tags=container_tags,
            picture_tags=(
                int(first.color_range),
                int(first.colorspace),
                int(first.color_primaries),
                int(first.color_trc),
            ),
            times=tuple(time for time, _ in times),
            sizes=tuple(size for _, size in times),
            key_times=tuple(keys),
            open_keys=open_keys,
        )
        if not ends:
            raise ValueError("its audio track is empty")
        return video, _Audio(
            tone.name,
            tone.profile or "unknown",
            tone.sample_rate,
            tone.channels,
            min(starts),
            max(ends),
        )


def _nal_types(packet: bytes) -> Iterator[int]:
    """Types of the H.264 units in a packet of an MP4 (each with its length in four bytes before
    it).
    """
    at = 0
    while at + 5 <= len(packet):
        yield packet[at + 4] & 0x1F
        at += 4 + int(struct.unpack_from(">I", packet, at)[0])


def _layout(path: Path) -> tuple[bool, bool]:
    """Whether moov comes before mdat, and whether there is an edit list."""
    order: list[bytes] = []
    edit_list = False
    with path.open("rb") as file:
        for kind, size in _boxes(file, path.stat().st_size):
            order.append(kind)
            if kind == b"moov":
                edit_list = b"elst" in file.read(size)
    return b"moov" in order and b"mdat" in order and order.index(b"moov") < order.index(
        b"mdat"
    ), edit_list


def _boxes(file: BinaryIO, end: int) -> Iterator[tuple[bytes, int]]:
    """Kind and content size of each top-level box; the file stands at the content."""
    at = 0
    while at + 8 <= end:
        file.seek(at)
        size, kind = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:
            size, header = struct.unpack(">Q", file.read(8))[0], 16
        elif size == 0:
            size = end - at
        if size < header:
            raise MontageError(
                ErrorCode.BAD_RENDER, f"the box {kind!r} at byte {at} has a wrong size"
            )
        yield kind, size - header
        at += size


def _decode(path: Path) -> tuple[int, str]:
    """Frames that FFmpeg decodes when any damage is an error, and what it complains about."""
    source = [
        "-stats",
        "-loglevel",
        "info",
        "-xerror",
        "-err_detect",
        "explode",
        "-protocol_whitelist",
        "file",
        "-i",
        f"file:{path}",
    ]
    try:
        said = run_ffmpeg(
            [*source, "-map", "0", "-fps_mode", "passthrough", "-f", "null", "-"],
            code=ErrorCode.BAD_RENDER,
        )
    except MontageError as error:
        lines = error.message.splitlines()
        return 0, f" ({' / '.join(lines[-_REASON_LINES:])})"
    counts = _DECODED.findall(said)
    return (int(counts[-1]) if counts else 0), ""
