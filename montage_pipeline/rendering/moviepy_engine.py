"""The second engine: MoviePy, with the same picture as the FFmpeg engine, frame for frame.

Belongs here: the readable way from a timeline to pictures, and the place to add an effect in Python: `segment_clip`
returns an ordinary MoviePy clip. Frames are picked by PyAV, because MoviePy's own reader assumes a constant frame rate.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, cast

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from moviepy import VideoClip, concatenate_videoclips
from moviepy.video.fx import Crop, Resize
from numpy.typing import NDArray

from montage_pipeline.editing.timeline import Segment, Timeline
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.rendering.assembly import assemble
from montage_pipeline.rendering.errors import RenderError
from montage_pipeline.rendering.geometry import StoredCrop, stored_crop
from montage_pipeline.rendering.model import EngineRun, ProgressCallback
from montage_pipeline.rendering.seeking import TIME_TOLERANCE_S, seek_point_s
from montage_pipeline.rendering.segment_frames import source_matrix, tail_frames
from montage_pipeline.rendering.tone import sdr_from_hdr
from montage_pipeline.settings import Settings

_COLORSPACES = {
    "bt709": Colorspace.ITU709,
    "bt601": Colorspace.ITU601,
    "fcc": Colorspace.FCC,
    "smpte240m": Colorspace.SMPTE240M,
    "bt2020": Colorspace.BT2020,
}


class MoviePyEngine:
    """Renders with MoviePy; several times slower than FfmpegEngine."""

    name: Literal["ffmpeg", "moviepy"] = "moviepy"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def render(
        self, timeline: Timeline, clip_paths: Mapping[str, Path], music_path: Path, output: Path, progress: ProgressCallback
    ) -> EngineRun:
        """Render to `output`, which appears only when whole.

        Raises RenderError with the reason, PermanentError when the timeline asks for what the clips or the music do not have.
        """

        @contextmanager
        def frames(folder: Path) -> Iterator[Iterator[memoryview]]:
            del folder  # everything is in memory
            readers = [SegmentReader(timeline, number, clip_paths[one.clip_url]) for number, one in enumerate(timeline.segments)]
            try:
                clips = [segment_clip(timeline, segment, reader) for segment, reader in zip(timeline.segments, readers, strict=True)]
                yield _frames(timeline, concatenate_videoclips(clips, method="chain"))
            finally:
                for reader in readers:
                    reader.close()

        started_s = time.monotonic()
        encoder = assemble(timeline, clip_paths, music_path, output, progress, self._settings, frames, "rgb24")
        return EngineRun(engine=self.name, seconds=round(time.monotonic() - started_s, 3), encoder=f"moviepy, {encoder}")


def segment_clip(timeline: Timeline, segment: Segment, reader: "SegmentReader") -> Any:
    """A MoviePy clip of one segment: cropped, and scaled to the output size."""
    fps = float(timeline.fps.fraction)
    source = VideoClip(frame_function=lambda t: reader.frame(int(t * fps)), duration=segment.frames / fps)
    crop = reader.upright_crop
    cropped = source.with_effects([Crop(x1=crop.x, y1=crop.y, width=crop.width, height=crop.height)])
    return cropped.with_effects([Resize((timeline.width, timeline.height))])


def _frames(timeline: Timeline, reel: Any) -> Iterator[memoryview]:
    fps = float(timeline.fps.fraction)
    for number in range(timeline.total_frames):
        # The middle of a frame is the same frame whichever way a sum of durations was rounded.
        picture = np.ascontiguousarray(reel.get_frame((number + 0.5) / fps), dtype=np.uint8)
        yield picture.reshape(-1).data


class SegmentReader:
    """The source frames of a segment as upright uint8 RGB pictures, picked by presentation time. Read them in order."""

    def __init__(self, timeline: Timeline, number: int, path: Path) -> None:
        self._segment = timeline.segments[number]
        self._facts = timeline.clips[self._segment.clip]
        self._fps = float(timeline.fps.fraction)
        self._path = path
        self._tail = tail_frames(self._facts, self._fps)
        self._container: Any = None
        self._decoded: Iterator[tuple[float, VideoFrame]] = iter(())
        self._shown: tuple[float, VideoFrame] | None = None
        self._next: tuple[float, VideoFrame] | None = None
        self._picture: tuple[int, NDArray[np.uint8]] | None = None
        self.upright_crop = _upright(self._facts, stored_crop(self._facts, self._segment.crop))

    def frame(self, number: int) -> NDArray[np.uint8]:
        """The picture that output frame `number` of the segment shows, of shape (height, width, 3)."""
        if self._picture is not None and self._picture[0] == number:
            return self._picture[1]
        if self._container is None:
            self._open()
        target_s = self._segment.source_in_s + number / self._fps + TIME_TOLERANCE_S
        before = self._shown
        while self._next is not None and self._next[0] <= target_s:
            self._shown, self._next = self._next, next(self._decoded, None)
        if self._shown is None:
            raise RenderError("clip_too_short", f"{self._facts.url} has no picture at {target_s:.3f} s")
        beyond_s = target_s - self._shown[0] - 1 / float(self._facts.fps.fraction)
        if self._next is None and self._tail is not None and beyond_s * self._fps > self._tail:
            raise RenderError("clip_too_short", f"{self._facts.url} ends before {target_s:.3f} s")
        unchanged = self._picture is not None and self._shown is before
        picture = self._picture[1] if unchanged and self._picture is not None else _rgb(self._shown[1], self._facts)
        self._picture = (number, picture)
        if number == self._segment.frames - 1:
            self.close()
        return picture

    def close(self) -> None:
        """Release the file and the decoder."""
        if self._container is not None:
            self._container.close()
        self._shown = self._next = None
        self._decoded = iter(())

    def _open(self) -> None:
        self._container = av.open(f"file:{self._path}", options={"protocol_whitelist": "file"})
        stream = self._container.streams[self._facts.video_stream]
        stream.thread_type = "AUTO"
        seek_s = seek_point_s(self._path, self._facts, self._segment.source_in_s)
        if seek_s is not None:
            self._container.seek(int(seek_s * av.time_base), backward=True)
        self._decoded = self._pictures(stream)
        self._next = next(self._decoded, None)

    def _pictures(self, stream: VideoStream) -> Iterator[tuple[float, VideoFrame]]:
        graph = _deinterlacer(stream) if self._facts.interlaced else None
        try:
            for frame in self._container.decode(stream):
                if graph is None:
                    yield float(frame.time), frame
                    continue
                graph.push(frame)
                yield from _pulled(graph)
            if graph is not None:
                graph.push(None)
                yield from _pulled(graph)
        except av.FFmpegError as error:
            raise RenderError("render_failed", f"{self._facts.url} cannot be decoded: {error}") from error


def _deinterlacer(stream: VideoStream) -> av.filter.Graph:
    graph = av.filter.Graph()
    graph.link_nodes(graph.add_buffer(template=stream), graph.add("bwdif", "mode=send_frame"), graph.add("buffersink")).configure()
    return graph


def _pulled(graph: av.filter.Graph) -> Iterator[tuple[float, VideoFrame]]:
    while True:
        try:
            frame = cast(VideoFrame, graph.pull())
        except (av.BlockingIOError, av.EOFError):
            return
        yield float(frame.time or 0), frame


def _rgb(frame: VideoFrame, facts: ClipFacts) -> NDArray[np.uint8]:
    """The whole frame as a player shows it, but with the stored number of pixels: SDR, mirrored and turned."""
    matrix = _COLORSPACES[source_matrix(facts)]
    array = frame.reformat(
        format="rgb24" if facts.hdr == "sdr" else "rgb48le",
        src_colorspace=matrix,
        dst_colorspace=matrix,
        src_color_range=ColorRange.JPEG if facts.full_range else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
    ).to_ndarray()
    if facts.hdr != "sdr":
        array = (sdr_from_hdr(array / 65535.0, facts.hdr) * 255 + 0.5).astype(np.uint8)
    if facts.mirrored:
        array = array[:, ::-1]
    return np.rot90(array, k=-(facts.rotation_deg // 90))


def _upright(facts: ClipFacts, crop: StoredCrop) -> StoredCrop:
    """The stored crop as it lies in the mirrored and turned frame."""
    width, height = facts.coded_width, facts.coded_height
    x = width - crop.x - crop.width if facts.mirrored else crop.x
    if facts.rotation_deg == 90:
        return StoredCrop(height - crop.y - crop.height, x, crop.height, crop.width)
    if facts.rotation_deg == 180:
        return StoredCrop(width - x - crop.width, height - crop.y - crop.height, crop.width, crop.height)
    if facts.rotation_deg == 270:
        return StoredCrop(crop.y, width - x - crop.width, crop.height, crop.width)
    return StoredCrop(x, crop.y, crop.width, crop.height)
