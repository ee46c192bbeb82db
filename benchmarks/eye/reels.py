"""Reels of labelled clips, planned by the product itself and not rendered: the labels judge what is
shown, which the timeline says.
"""

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from benchmarks.eye.labels import Label
from benchmarks.eye.ranks import RankedClip
from benchmarks.eye.scoring import ShownSegment
from montage_pipeline.analysis.local import LocalAnalyst
from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.context import PlanContext
from montage_pipeline.editing.moment_score import delivered_sharpness
from montage_pipeline.editing.moment_table import moment_table
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.editing.request import EditRequest
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.music.composer import MusicBrief
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.music.synth.composer import LocalComposer
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import Format

_USER = UUID(int=0)


class ReelOrder(NamedTuple):
    """A Reel to be planned: clips, style and length."""

    clips: tuple[Path, ...]
    style: str
    duration_s: int
    seed: int = 1


def fetched(path: Path) -> FetchedClip:
    """A file as the fetcher hands it over."""
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return FetchedClip(url=path.as_uri(), path=path, sha256=sha256, bytes=path.stat().st_size)


def analysed(order: ReelOrder) -> ClipAnalysis:
    """The local analyst's judgement of the clips."""
    clips = [fetched(path) for path in order.clips]
    return LocalAnalyst(Settings()).analyse(clips, order.style, float(order.duration_s))


def planned(order: ReelOrder, analysis: ClipAnalysis) -> Timeline:
    """The edit, on music by the local composer."""
    return plan_timeline(_request(order), analysis, composed_music(order, analysis))


def _request(order: ReelOrder) -> EditRequest:
    return EditRequest(
        request_id=f"eye-{order.seed}",
        style=order.style,
        format=Format.REEL,
        duration_s=float(order.duration_s),
        seed=order.seed,
    )


def ranked_clips(
    order: ReelOrder, analysis: ClipAnalysis, labels: Mapping[str, Label]
) -> list[RankedClip]:
    """The labelled clips with the planner's score of their best moments, without chance."""
    table = moment_table(PlanContext.of(_request(order), analysis, composed_music(order, analysis)))
    ranked = []
    for index, clip in enumerate(analysis.clips):
        scores = zip(table.moments, table.scores, strict=True)
        own = [score.total for moment, score in scores if moment.clip == index]
        label = labels.get(clip.facts.sha256)
        if own and label is not None:
            sharpness = delivered_sharpness(clip.facts, Format.REEL.frame_size)
            ranked.append(RankedClip(label.clip, order.style, label.rank, max(own), sharpness))
    return ranked


def shown_segments(timeline: Timeline, labels: Mapping[str, Label]) -> list[ShownSegment]:
    """The segments of an edit, each with the label of its clip."""
    segments = []
    for segment in timeline.segments:
        facts = timeline.clips[segment.clip]
        span = segment.source_span(timeline.fps.fraction)
        segments.append(
            ShownSegment(
                labels.get(facts.sha256),
                span,
                segment.crop,
                segment.crop_end or segment.crop,
                (facts.width, facts.height),
            )
        )
    return segments


def labelled_clips(folder: Path, labels: Mapping[str, Label]) -> dict[str, list[Path]]:
    """The labelled files of a folder by theme, in order of their names."""
    themes: dict[str, list[Path]] = {}
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        label = labels.get(hashlib.sha256(path.read_bytes()).hexdigest())
        if label is not None:
            themes.setdefault(label.theme, []).append(path)
    return themes


def composed_music(order: ReelOrder, analysis: ClipAnalysis) -> MusicTrack:
    """The music that the Reel is planned on, the same each time."""
    brief = MusicBrief(
        request_id=f"eye-{order.seed}",
        user_id=_USER,
        mood=analysis.mood,
        style=order.style,
        prompt=analysis.music_prompt,
        bpm=analysis.suggested_bpm,
        duration_s=float(order.duration_s),
        seed=order.seed,
    )
    with tempfile.TemporaryDirectory() as folder:
        piece = LocalComposer().compose(brief, Path(folder))
    return MusicTrack(
        key="eye.flac",
        sha256="0" * 64,
        bytes=1,
        content_type=piece.content_type,
        duration_s=piece.duration_s,
        grid=piece.grid,
        loudness_lufs=-14.0,
        true_peak_dbtp=-1.0,
        mood=piece.mood,
        prompt=piece.prompt,
        composer=piece.composer,
        seed=piece.seed,
    )


def names(paths: Sequence[Path]) -> str:
    """The files' names in a row."""
    return ", ".join(path.name for path in paths)
