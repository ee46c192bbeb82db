"""The source frames of a segment as upright RGB arrays, picked by presentation time.

Belongs here: decoding with PyAV, picking frames, and turning them into what a player shows.
Does not belong here: scaling to the output's size, effects (moviepy_clip).
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import av
import numpy as np
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from av.video.stream import VideoStream
from numpy.typing import NDArray

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode
from montage_pipeline.footage.container import decoder_of
from montage_pipeline.footage.decoding.frames import covering_size
from montage_pipeline.footage.decoding.plain import Turning, plain_frame
from montage_pipeline.footage.decoding.tone import colour_map, to_bt709
from montage_pipeline.footage.model import ClipFacts, ClipSource
from montage_pipeline.footage.names import clip_name
from montage_pipeline.media.opening import MAX_PIXELS_OPTION, open_media
from montage_pipeline.media.packets import demuxed
from montage_pipeline.rendering.errors import RenderError
from montage_pipeline.rendering.video.geometry import StoredCrop, crop_move, stored_crop
from montage_pipeline.rendering.video.seeking import TIME_TOLERANCE_S, seek_point_s
from montage_pipeline.rendering.video.segment_frames import source_matrix, tail_frames

_EXACT = Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND
"""Without full chroma and accurate rounding swscale's RGB comes out two levels too dark."""

_COLORSPACES = {
    "bt709": Colorspace.ITU709,
    "bt601": Colorspace.ITU601,
    "fcc": Colorspace.FCC,
    "smpte240m": Colorspace.SMPTE240M,
    "bt2020": Colorspace.BT2020,
}

_FULL_SCALE_16 = 65535.0


class _TimedFrame(NamedTuple):
    """A decoded frame and its presentation time."""

    time_s: float
    frame: VideoFrame


class _Converted(NamedTuple):
    """The RGB array of one output frame."""

    number: int
    rgb: NDArray[np.uint8]


class SegmentReader:
    """Reads a segment's frames by their number in the output.

    Frames asked for in order are decoded once; an effect that looks back makes it start again from
    the keyframe before.
    """

    def __init__(
        self,
        timeline: Timeline,
        number: int,
        source: ClipSource,
        threads: int,
        *,
        earlier_s: float = 0.0,
    ) -> None:
        """`earlier_s`: how much earlier than need be the clip is entered; inf: from its start."""
        self._number = number
        self._segment = timeline.segments[number]
        self._facts = timeline.clips[self._segment.clip]
        self._rate = float(timeline.fps.fraction) / self._segment.speed
        """Output frames to a second of the clip."""
        self._source = source
        self._threads = threads
        self._earlier_s = earlier_s
        self.faults: list[str] = []
        """What the decoder found wrong with the segment's own frames."""
        self._tail = tail_frames(self._facts, self._rate)
        self._container: InputContainer | None = None
        self._decoded: Iterator[_TimedFrame] = iter(())
        self._on_screen: _TimedFrame | None = None
        self._next: _TimedFrame | None = None
        self._last: _Converted | None = None

        move = crop_move(timeline, self._segment)
        crop = stored_crop(self._facts, move.around if move else self._segment.crop)
        self.upright_crop = _upright(self._facts, crop)

    def frame(self, number: int) -> NDArray[np.uint8]:
        """The RGB array that output frame `number` of the segment shows, shape (height, width, 3).

        Raises RenderError("clip_too_short") when the clip has no frame at that time.
        """
        last = self._last
        if last is not None and last.number == number:
            return last.rgb
        if self._container is None or (last is not None and number < last.number):
            self.close()
            self._open()

        before = self._on_screen
        on_screen = self._advance(number)
        unchanged = last is not None and on_screen is before
        rgb = last.rgb if last is not None and unchanged else _rgb(on_screen.frame, self._facts)
        self._last = _Converted(number, rgb)
        return rgb

    def close(self) -> None:
        """Release the file and the decoder."""
        if self._container is not None:
            self._container.close()
            self._container = None
        self._on_screen = self._next = None
        self._decoded = iter(())

    def _open(self) -> None:
        self._container = open_media(self._source)
        stream = cast(VideoStream, self._container.streams[self._facts.video_stream])
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = self._threads
        stream.codec_context.options = MAX_PIXELS_OPTION

        enter_s = self._segment.source_in_s - self._earlier_s
        seek_s = seek_point_s(self._source, self._facts, enter_s)
        if seek_s is not None:
            self._container.seek(int(seek_s * av.time_base), backward=True)
        self._decoded = self._frames(self._container, stream)
        self._next = next(self._decoded, None)

    def _advance(self, number: int) -> _TimedFrame:
        """Decode up to the source frame on screen at output frame `number`."""
        target_s = self._segment.source_in_s + number / self._rate + TIME_TOLERANCE_S
        while self._next is not None and self._next.time_s <= target_s:
            self._on_screen, self._next = self._next, next(self._decoded, None)
        if self._on_screen is None:
            raise self._too_short(f"has no frame at {target_s:.3f} s")

        beyond_s = target_s - self._on_screen.time_s - 1 / float(self._facts.fps.fraction)
        if self._next is None and self._tail is not None and beyond_s * self._rate > self._tail:
            raise self._too_short(f"ends before {target_s:.3f} s")
        return self._on_screen

    def _too_short(self, how: str) -> RenderError:
        return RenderError(
            ErrorCode.CLIP_TOO_SHORT, f"{clip_name(self._facts.url)} {how}", segment=self._number
        )

    def _frames(self, container: InputContainer, stream: VideoStream) -> Iterator[_TimedFrame]:
        decoder = decoder_of(stream, self._facts)
        tagged = map(
            Turning(stream, decoder, self._facts).tagged, self._decode(container, stream, decoder)
        )
        if self._facts.interlaced:
            yield from _deinterlaced(tagged)
            return
        for frame in tagged:
            yield _TimedFrame(float(frame.time), frame)

    def _decode(
        self, container: InputContainer, stream: VideoStream, decoder: VideoCodecContext
    ) -> Iterator[VideoFrame]:
        """Every frame that decodes; what is wrong with those of the segment is noted."""
        for packet in demuxed(container, stream):
            try:
                for frame in decoder.decode(packet):
                    if frame.is_corrupt and self._is_shown(frame.time):
                        self.faults.append(f"corrupt decoded frame at {frame.time:.3f} s")
                    yield frame
            except av.InvalidDataError as error:
                shown_s = None if packet.pts is None else float(packet.pts * packet.time_base)
                if self._is_shown(shown_s):
                    self.faults.append(f"{error}")

    def _is_shown(self, time_s: float | None) -> bool:
        """Whether the segment shows a frame of that time, for all that is known."""
        end_s = self._segment.source_in_s + self._segment.frames / self._rate
        begin_s = self._segment.source_in_s - TIME_TOLERANCE_S
        return time_s is None or begin_s <= time_s < end_s


def _deinterlaced(frames: Iterator[VideoFrame]) -> Iterator[_TimedFrame]:
    """The frames without interlacing; what is said of each stays with it."""
    graph: av.filter.Graph | None = None
    kind: tuple[int, int, str] | None = None
    for frame in frames:
        before, kind = kind, (frame.width, frame.height, frame.format.name)
        # A filter is set up for frames of one size and format.
        if graph is not None and before != kind:
            graph.push(None)
            yield from _pulled(graph)
            graph = None
        graph = graph or _deinterlacer(frame)
        graph.push(frame)
        yield from _pulled(graph)
    if graph is not None:
        graph.push(None)
        yield from _pulled(graph)


def _deinterlacer(frame: VideoFrame) -> av.filter.Graph:
    """A filter for frames like this one."""
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format,
        time_base=frame.time_base,
    )
    graph.link_nodes(
        source, graph.add("bwdif", "mode=send_frame"), graph.add("buffersink")
    ).configure()
    return graph


def _pulled(graph: av.filter.Graph) -> Iterator[_TimedFrame]:
    while True:
        try:
            frame = cast(VideoFrame, graph.pull())
        except (av.BlockingIOError, av.EOFError):
            return
        yield _TimedFrame(float(frame.time or 0), frame)


def _rgb(frame: VideoFrame, facts: ClipFacts) -> NDArray[np.uint8]:
    """The whole frame as a player shows it (SDR, mirrored and turned), in stored pixels."""
    frame = plain_frame(frame, facts)
    matrix, mapping = _COLORSPACES[source_matrix(facts)], colour_map(facts)
    stored_size = (facts.coded_width, facts.coded_height)
    array: NDArray[Any] = frame.reformat(
        # A clip that changes its size on the way: not stretched, as large as the crop expects.
        *covering_size(frame, facts, stored_size),
        "rgb48le" if mapping else "rgb24",
        interpolation=_EXACT,
        src_colorspace=matrix,
        dst_colorspace=matrix,
        src_color_range=ColorRange.JPEG if facts.full_range else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
    ).to_ndarray()[: facts.coded_height, : facts.coded_width]

    if mapping:
        array = (to_bt709(array / _FULL_SCALE_16, mapping) * 255 + 0.5).astype(np.uint8)
    if facts.mirrored:
        array = array[:, ::-1]
    return np.rot90(array, k=-(facts.rotation_deg // 90))


def _upright(facts: ClipFacts, crop: StoredCrop) -> StoredCrop:
    """The stored crop as it lies in the mirrored and turned frame."""
    x, y, width, height = crop.x, crop.y, crop.width, crop.height
    if facts.mirrored:
        x = facts.coded_width - x - width
    right, below = facts.coded_width - x - width, facts.coded_height - y - height

    if facts.rotation_deg == 90:
        return StoredCrop(below, x, height, width)
    if facts.rotation_deg == 180:
        return StoredCrop(right, below, width, height)
    if facts.rotation_deg == 270:
        return StoredCrop(y, right, height, width)
    return StoredCrop(x, y, width, height)
