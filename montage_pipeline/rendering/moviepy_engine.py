"""MoviePy as an engine: the second one, with the same picture as FFmpeg's frame for frame, and any
effect in Python.

Belongs here: the readable way from a segment to pictures: `segment_clip` returns an ordinary
MoviePy clip.
Frames are picked by PyAV, because MoviePy's own reader assumes a constant frame rate.
"""

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import av
import moviepy
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from av.video.stream import VideoStream
from moviepy import VideoClip
from moviepy.video import fx
from moviepy.video.fx import Crop, Resize
from numpy.typing import NDArray

from montage_pipeline.editing.timeline import Effect, Segment, Timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.model import ClipFacts, ClipSource
from montage_pipeline.footage.source import open_source
from montage_pipeline.rendering.assembly import Assembler
from montage_pipeline.rendering.errors import RenderError
from montage_pipeline.rendering.model import EngineName, EngineRun, ProgressCallback
from montage_pipeline.rendering.video.caption_filter import caption_filters
from montage_pipeline.rendering.video.chunks.model import (
    CONTAINER_ARGS,
    ChunkJob,
    check_chunk,
    content_address,
    ffmpeg_version,
)
from montage_pipeline.rendering.video.chunks.store import ChunkStore
from montage_pipeline.rendering.video.encoding import BT709_TAGS
from montage_pipeline.rendering.video.geometry import StoredCrop, crop_move, stored_crop
from montage_pipeline.rendering.video.processes import EncodingProcess
from montage_pipeline.rendering.video.seeking import TIME_TOLERANCE_S, seek_point_s
from montage_pipeline.rendering.video.segment_frames import has_alpha, source_matrix, tail_frames
from montage_pipeline.rendering.video.tone import colour_map, to_bt709
from montage_pipeline.settings import Settings

_RECIPE = 1
"""Counts up when this module makes other frames from the same segment, so that kept parts are made
anew.
"""

_FROM_RGB = "scale=flags=bicubic+accurate_rnd:in_range=pc:out_color_matrix=bt709:out_range=tv,format=yuv420p"
# Without full chroma and accurate rounding swscale's RGB comes out two levels too dark.
_EXACT = Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND
_COLORSPACES = {
    "bt709": Colorspace.ITU709,
    "bt601": Colorspace.ITU601,
    "fcc": Colorspace.FCC,
    "smpte240m": Colorspace.SMPTE240M,
    "bt2020": Colorspace.BT2020,
}


class MoviePyEngine:
    """Renders with MoviePy; several times slower than FfmpegEngine."""

    name: EngineName = "moviepy"

    def __init__(self, settings: Settings, parts: ChunkStore | None = None) -> None:
        """`parts` keeps the picture of each segment for later renders."""
        self._settings = settings
        self._parts = parts

    def render(
        self,
        timeline: Timeline,
        clip_paths: Mapping[str, ClipSource],
        music_path: Path,
        output: Path,
        progress: ProgressCallback,
    ) -> EngineRun:
        """Render to `output`, which appears only when whole.

        Raises RenderError with the reason, PermanentError when the timeline asks for what the clips
        or the music do not have.
        """
        return Assembler(self.name, self._settings, self._parts, MoviePyChunk).render(
            timeline, clip_paths, music_path, output, progress
        )


class MoviePyChunk:
    """A part whose frames are made by MoviePy and encoded by FFmpeg; see ChunkMaker."""

    def __init__(self, job: ChunkJob) -> None:
        self._job = job
        self._process: EncodingProcess | None = None
        self._stopped = False
        # Whole RGB pictures of the clip are held here, not the encoder's small ones.
        self.memory_mb = job.memory_mb + 30 * job.facts.coded_width * job.facts.coded_height / 1e6
        self.cost = 4 * job.cost
        if job.segment.effect is not None:
            effect_of(job.segment.effect, job.name)

    def address(self) -> str:
        """Hash of the clip, the segment, the output and the programs that make it."""
        job = self._job
        segment = job.segment.model_dump(
            include={"source_in_s", "frames", "crop", "crop_end", "effect"}
        )
        facts = job.facts.model_dump(exclude={"url"})
        timeline = job.timeline.model_dump(include={"width", "height", "fps"})
        return content_address(
            "moviepy",
            _RECIPE,
            moviepy.__version__,
            ffmpeg_version(),
            segment,
            facts,
            timeline,
            self._encode_args(),
        )

    def make(self, output: Path, threads: int) -> None:
        """Write the part. Raises RenderError with the reason."""
        job = self._job
        reader = SegmentReader(job.timeline, job.number, job.source, threads)
        self._process = EncodingProcess(
            self._encode_args(), output, f"encoded {job.name}", job.folder, fed=True
        )
        try:
            clip = segment_clip(job.timeline, job.segment, reader)
            for frame in _frames(job, clip):
                if self._stopped:
                    return
                self._process.write(frame)
            self._process.finish()
        finally:
            self._process.kill()
            reader.close()
        check_chunk(output, job)

    def stop(self) -> None:
        """End `make` at the next frame, and its encoder at once."""
        self._stopped = True
        if self._process is not None:
            self._process.kill()

    @property
    def frames_done(self) -> int:
        """Frames encoded so far."""
        return self._process.frames if self._process else 0

    def _encode_args(self) -> list[str]:
        timeline, encoding = self._job.timeline, self._job.encoding
        size = (
            "-video_size",
            f"{timeline.width}x{timeline.height}",
            "-framerate",
            f"{timeline.fps.num}/{timeline.fps.den}",
        )
        source = [*encoding.setup, "-f", "rawvideo", "-pix_fmt", "rgb24", *size, "-i", "pipe:0"]
        chain = ",".join(
            (
                _FROM_RGB,
                BT709_TAGS,
                *caption_filters(timeline, self._job.segment),
                *encoding.filters,
            )
        )
        return [
            *source,
            "-vf",
            chain,
            "-fps_mode",
            "passthrough",
            *encoding.output_args(timeline),
            *CONTAINER_ARGS,
        ]


def effect_of(effect: Effect, where: str) -> Any:
    """The MoviePy effect.

    PermanentError("bad_effect") naming what is wrong with its name or parameters.
    """
    if effect.name not in fx.__all__:
        raise PermanentError(
            ErrorCode.BAD_EFFECT,
            f"{where}: MoviePy has no effect {effect.name!r}; it has {', '.join(fx.__all__)}",
        )
    kind = getattr(fx, effect.name)
    try:
        return kind(**effect.parameters)
    except TypeError as error:
        message = f"{where}: {effect.name} takes {inspect.signature(kind)}, not {effect.parameters}: {error}"
        raise PermanentError(ErrorCode.BAD_EFFECT, message, effect=effect.name) from error


def segment_clip(timeline: Timeline, segment: Segment, reader: "SegmentReader") -> Any:
    """A MoviePy clip of one segment: cropped, scaled to the output size, and with its effect.

    Raises PermanentError("bad_effect") when the effect fails or changes the size or the length.
    """
    fps = float(timeline.fps.fraction)
    source = VideoClip(
        frame_function=lambda t: reader.frame(int(t * fps)), duration=segment.frames / fps
    )
    crop, move = reader.upright_crop, crop_move(timeline, segment)
    cropped = source.with_effects(
        [Crop(x1=crop.x, y1=crop.y, width=crop.width, height=crop.height)]
    )
    plain = cropped.with_effects(
        [Resize((move.width, move.height) if move else (timeline.width, timeline.height))]
    )
    if move is not None:

        def window(get_frame: Any, t: float) -> Any:
            x, y = move.corner(int(t * fps))
            return get_frame(t)[y : y + timeline.height, x : x + timeline.width]

        plain = plain.transform(window)
        plain.size = (timeline.width, timeline.height)
    if segment.effect is None:
        return plain
    try:
        changed = plain.with_effects([effect_of(segment.effect, segment.clip_url)])
    except PermanentError:
        raise
    except Exception as error:
        raise PermanentError(
            ErrorCode.BAD_EFFECT,
            f"{segment.effect.name} cannot be applied to {segment.clip_url}: {error}",
        ) from error
    if (
        tuple(changed.size) != (timeline.width, timeline.height)
        or abs((changed.duration or 0) - plain.duration) > 0.5 / fps
    ):
        message = f"{segment.effect.name} makes {segment.clip_url} {changed.size[0]}x{changed.size[1]} and {changed.duration} s long; "
        message += (
            f"a segment keeps its {timeline.width}x{timeline.height} and {plain.duration:.3f} s"
        )
        raise PermanentError(ErrorCode.BAD_EFFECT, message)
    return changed


def _frames(job: ChunkJob, clip: Any) -> Iterator[memoryview]:
    fps = float(job.timeline.fps.fraction)
    for number in range(job.segment.frames):
        try:
            # The middle of a frame is the same frame whichever way times are rounded.
            picture = np.ascontiguousarray(
                np.clip(clip.get_frame((number + 0.5) / fps), 0, 255), dtype=np.uint8
            )
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            if job.segment.effect is None:
                raise
            raise PermanentError(
                ErrorCode.BAD_EFFECT,
                f"{job.segment.effect.name} fails at frame {number} of {job.name}: {error}",
            ) from error
        yield picture.reshape(-1).data


class SegmentReader:
    """The source frames of a segment as upright uint8 RGB pictures, picked by presentation time.

    Frames asked for in order are decoded once; an effect that looks back costs a new start from the
    key frame before.
    """

    def __init__(self, timeline: Timeline, number: int, source: ClipSource, threads: int) -> None:
        self._segment = timeline.segments[number]
        self._facts = timeline.clips[self._segment.clip]
        self._fps = float(timeline.fps.fraction)
        self._source = source
        self._threads = threads
        self._tail = tail_frames(self._facts, self._fps)
        self._container: Any = None
        self._decoded: Iterator[tuple[float, VideoFrame]] = iter(())
        self._shown: tuple[float, VideoFrame] | None = None
        self._next: tuple[float, VideoFrame] | None = None
        self._picture: tuple[int, NDArray[np.uint8]] | None = None
        move = crop_move(timeline, self._segment)
        self.upright_crop = _upright(
            self._facts, stored_crop(self._facts, move.around if move else self._segment.crop)
        )

    def frame(self, number: int) -> NDArray[np.uint8]:
        """The picture that output frame `number` of the segment shows, of shape (height, width, 3)."""
        if self._picture is not None and self._picture[0] == number:
            return self._picture[1]
        if self._container is None or (self._picture is not None and number < self._picture[0]):
            self.close()
            self._open()
        target_s = self._segment.source_in_s + number / self._fps + TIME_TOLERANCE_S
        before = self._shown
        while self._next is not None and self._next[0] <= target_s:
            self._shown, self._next = self._next, next(self._decoded, None)
        if self._shown is None:
            raise RenderError(
                ErrorCode.CLIP_TOO_SHORT, f"{self._facts.url} has no picture at {target_s:.3f} s"
            )
        beyond_s = target_s - self._shown[0] - 1 / float(self._facts.fps.fraction)
        if self._next is None and self._tail is not None and beyond_s * self._fps > self._tail:
            raise RenderError(
                ErrorCode.CLIP_TOO_SHORT, f"{self._facts.url} ends before {target_s:.3f} s"
            )
        unchanged = self._picture is not None and self._shown is before
        picture = (
            self._picture[1]
            if unchanged and self._picture is not None
            else _rgb(self._shown[1], self._facts)
        )
        self._picture = (number, picture)
        return picture

    def close(self) -> None:
        """Release the file and the decoder."""
        if self._container is not None:
            self._container.close()
            self._container = None
        self._shown = self._next = None
        self._decoded = iter(())

    def _open(self) -> None:
        self._container = open_source(self._source)
        stream = self._container.streams[self._facts.video_stream]
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = self._threads
        seek_s = seek_point_s(self._source, self._facts, self._segment.source_in_s)
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
            raise RenderError(
                ErrorCode.RENDER_FAILED, f"{self._facts.url} cannot be decoded: {error}"
            ) from error


def _deinterlacer(stream: VideoStream) -> av.filter.Graph:
    graph = av.filter.Graph()
    graph.link_nodes(
        graph.add_buffer(template=stream),
        graph.add("bwdif", "mode=send_frame"),
        graph.add("buffersink"),
    ).configure()
    return graph


def _pulled(graph: av.filter.Graph) -> Iterator[tuple[float, VideoFrame]]:
    while True:
        try:
            frame = cast(VideoFrame, graph.pull())
        except (av.BlockingIOError, av.EOFError):
            return
        yield float(frame.time or 0), frame


def _rgb(frame: VideoFrame, facts: ClipFacts) -> NDArray[np.uint8]:
    """The whole frame as a player shows it, but with the stored number of pixels:

    SDR, mirrored and turned.
    """
    matrix, mapping, alpha = _COLORSPACES[source_matrix(facts)], colour_map(facts), has_alpha(facts)
    deep = mapping is not None or alpha
    array: NDArray[Any] = frame.reformat(
        # A clip that changes its size on the way: its first size, as the timeline's crop expects.
        facts.coded_width,
        facts.coded_height,
        "rgba64le" if alpha else "rgb48le" if deep else "rgb24",
        interpolation=_EXACT,
        src_colorspace=matrix,
        dst_colorspace=matrix,
        src_color_range=ColorRange.JPEG if facts.full_range else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
    ).to_ndarray()
    if alpha:
        array = array[..., :3] * (array[..., 3:] / 65535.0)
    if deep:
        signal = array / 65535.0
        array = ((to_bt709(signal, mapping) if mapping else signal) * 255 + 0.5).astype(np.uint8)
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
        return StoredCrop(
            width - x - crop.width, height - crop.y - crop.height, crop.width, crop.height
        )
    if facts.rotation_deg == 270:
        return StoredCrop(crop.y, width - x - crop.width, crop.height, crop.width)
    return StoredCrop(x, crop.y, crop.width, crop.height)
