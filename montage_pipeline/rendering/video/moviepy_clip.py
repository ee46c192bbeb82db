"""A segment as an ordinary MoviePy clip: cropped, scaled, graded and with its effect.

Belongs here: the readable way from a segment to frames.
Does not belong here: picking and decoding source frames (segment_reader): MoviePy's own reader
assumes a constant frame rate.
"""

import inspect
from functools import partial
from typing import Any

import numpy as np
from moviepy import VideoClip
from moviepy.video import fx
from moviepy.video.fx import Crop, Resize
from numpy.typing import NDArray

from montage_pipeline.editing.grading.colours import graded
from montage_pipeline.editing.timeline import Effect, Grade, Segment, Timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.names import clip_name
from montage_pipeline.rendering.video.enlarging import enlargement, sharpened, sharpening
from montage_pipeline.rendering.video.geometry import CropMove, crop_move
from montage_pipeline.rendering.video.segment_reader import SegmentReader


def effect_of(effect: Effect, where: str) -> Any:
    """The MoviePy effect; `where` begins the message of an error.

    Raises PermanentError("bad_effect") naming what is wrong with its name or parameters.
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
        raise PermanentError(
            ErrorCode.BAD_EFFECT,
            f"{where}: {effect.name} takes {inspect.signature(kind)}, "
            f"not {effect.parameters}: {error}",
            effect=effect.name,
        ) from error


def segment_clip(timeline: Timeline, segment: Segment, reader: SegmentReader) -> Any:
    """A MoviePy clip of one segment, of the output's size and the segment's length.

    Raises PermanentError("bad_effect") when the effect fails or changes the size or the length.
    """
    fps = float(timeline.fps.fraction)
    source = VideoClip(
        frame_function=lambda t: reader.frame(int(t * fps)), duration=segment.frames / fps
    )
    crop, move = reader.upright_crop, crop_move(timeline, segment)
    size = (move.width, move.height) if move else (timeline.width, timeline.height)
    cropped = source.with_effects(
        [Crop(x1=crop.x, y1=crop.y, width=crop.width, height=crop.height)]
    )
    amount = sharpening(enlargement(crop, *size))
    if amount > 0:
        cropped = cropped.image_transform(partial(sharpened, amount=amount))
    # MoviePy resizes by Lanczos.
    plain = cropped.with_effects([Resize(size)])

    if move is not None:
        plain = _with_moving_window(plain, timeline, move)
    if segment.grade is not None:
        plain = plain.image_transform(partial(_graded_frame, segment.grade))
    if segment.effect is None:
        return plain
    return _with_effect(plain, timeline, segment, segment.effect)


def _graded_frame(grade: Grade, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    changed = graded(frame.astype(np.float32) / 255, grade)
    return (changed * 255 + 0.5).astype(np.uint8)


def _with_moving_window(clip: Any, timeline: Timeline, move: CropMove) -> Any:
    fps = float(timeline.fps.fraction)

    def window(get_frame: Any, t: float) -> Any:
        x, y = move.corner(int(t * fps))
        return get_frame(t)[y : y + timeline.height, x : x + timeline.width]

    moving = clip.transform(window)
    moving.size = (timeline.width, timeline.height)
    return moving


def _with_effect(clip: Any, timeline: Timeline, segment: Segment, effect: Effect) -> Any:
    try:
        changed = clip.with_effects([effect_of(effect, clip_name(segment.clip_url))])
    except PermanentError:
        raise
    except Exception as error:
        raise PermanentError(
            ErrorCode.BAD_EFFECT,
            f"{effect.name} cannot be applied to {clip_name(segment.clip_url)}: {error}",
        ) from error

    half_frame_s = 0.5 / float(timeline.fps.fraction)
    same_size = tuple(changed.size) == (timeline.width, timeline.height)
    same_length = abs((changed.duration or 0) - clip.duration) <= half_frame_s
    if not (same_size and same_length):
        width, height = changed.size
        raise PermanentError(
            ErrorCode.BAD_EFFECT,
            f"{effect.name} makes {clip_name(segment.clip_url)} {width}x{height} and "
            f"{changed.duration} s "
            f"long; a segment keeps its {timeline.width}x{timeline.height} and "
            f"{clip.duration:.3f} s",
        )
    return changed
