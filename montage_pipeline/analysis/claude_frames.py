"""The key frames Claude sees: when in a moment, how large, and how many tokens that is."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import cv2

from montage_pipeline.analysis.model import ClipAnalysis, Moment
from montage_pipeline.footage.model import ClipFacts, FetchedClip
from montage_pipeline.footage.picture import Picture
from montage_pipeline.footage.sample import frames_at
from montage_pipeline.records import PermanentError

PATCH_PX = 28  # an image costs one token for each patch of 28 x 28 pixels, begun or whole
JPEG_QUALITY = 80


@dataclass(frozen=True)
class Sampling:
    """How a moment is shown: key frames for each, and their longer side in pixels."""

    frames_per_moment: int
    max_side_px: int


# The first that the budget allows is used. 448 x 252 is 16 x 9 whole patches: 144 tokens.
SAMPLINGS = (Sampling(2, 448), Sampling(1, 448), Sampling(1, 336), Sampling(1, 252))


@dataclass(frozen=True)
class KeyFrame:
    """One picture as it is sent. `reference` says what it is a picture of, without its bytes."""

    jpeg: bytes
    reference: str

    def block(self) -> dict[str, Any]:
        """The content block of the request."""
        return {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": base64.b64encode(self.jpeg).decode()}}

    def name(self) -> dict[str, Any]:
        """Stands for the block where bytes must not matter."""
        return {"type": "image", "reference": self.reference}


def image_tokens(width_px: int, height_px: int) -> int:
    """Tokens of an image of that size."""
    return ceil(width_px / PATCH_PX) * ceil(height_px / PATCH_PX)


def frame_tokens(facts: ClipFacts, sampling: Sampling) -> int:
    """Tokens of the key frames of one moment of that clip."""
    shrink = min(1.0, sampling.max_side_px / max(facts.width, facts.height))
    return sampling.frames_per_moment * image_tokens(round(facts.width * shrink), round(facts.height * shrink))


def frame_times_s(moment: Moment, sampling: Sampling) -> list[float]:
    """Presentation times (seconds) of a moment's key frames."""
    # Away from both ends: there the picture may still blend into the neighbouring shot.
    parts = 2 * sampling.frames_per_moment
    return [round(moment.start_s + moment.duration_s * part / parts, 3) for part in range(1, parts, 2)]


def key_frames(
    analysis: ClipAnalysis, clips: Sequence[FetchedClip], candidates: Sequence[Moment], sampling: Sampling
) -> dict[str, list[KeyFrame]]:
    """The key frames of each candidate by its id. `clips` are the files the analysis was made from."""
    paths = {(clip.url, clip.sha256): clip.path for clip in clips}
    frames: dict[str, list[KeyFrame]] = {}
    for index, clip in enumerate(analysis.clips):
        moments = [moment for moment in candidates if moment.clip == index]
        times_s = [time_s for moment in moments for time_s in frame_times_s(moment, sampling)]
        if not times_s:
            continue
        pictures = iter(frames_at(paths[clip.facts.url, clip.facts.sha256], clip.facts, times_s, sampling.max_side_px))
        for moment in moments:
            frames[moment.id] = [
                KeyFrame(_jpeg(next(pictures)), f"{clip.facts.sha256}@{time_s:.3f}s/{sampling.max_side_px}px/q{JPEG_QUALITY}")
                for time_s in frame_times_s(moment, sampling)
            ]
    return frames


def _jpeg(picture: Picture) -> bytes:
    done, encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise PermanentError("key_frame_not_encoded", f"A key frame of {picture.shape} pixels could not be written as JPEG.")
    return bytes(encoded.tobytes())
