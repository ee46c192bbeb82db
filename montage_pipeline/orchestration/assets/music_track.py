"""What `music_track` does: compose music for this Reel, or take the user's own, and store it with
its beat grid.
"""

from typing import TYPE_CHECKING

import dagster as dg
from dagster import MaterializeResult

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.orchestration.assets.base_request import base_music
from montage_pipeline.orchestration.assets.request_facts import (
    cost_metadata,
    own_music_of,
    seed_of,
)
from montage_pipeline.orchestration.scratch import scratch_folder
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.requests.segment_changes.model import changed_music
from montage_pipeline.vocabulary import Step

if TYPE_CHECKING:
    from montage_pipeline.music.composer import MusicBrief

_COMPOSED = 0.8
"""Share of the step that is done when the music is there and only has to be stored."""


def compose_music(scope: StepScope, analysis: ClipAnalysis) -> MaterializeResult[MusicTrack]:
    """The Reel's music, stored; that of its base when it changes an edit and not the music."""
    base = scope.request.base_request_id
    if base is not None and changed_music(scope.request.changes) is None:
        return base_music(scope, base)
    from montage_pipeline.music.composer import Composer
    from montage_pipeline.music.track import store_track

    services = scope.services
    with scratch_folder(services, "music") as folder:
        composer: Composer = own_music_of(scope) or services.composer()
        composed = composer.compose(_brief(scope, analysis), folder)
        scope.progress(_COMPOSED)
        track = store_track(composed, services.store, scope.request.id)
    return dg.MaterializeResult(
        value=track,
        metadata={
            "composer": track.composer,
            "model": track.model or "none",
            "bpm": track.grid.bpm,
            "beats": len(track.grid.beats_s),
            "beat_source": track.grid.source,
            "duration_s": track.duration_s,
            "loudness_lufs": track.loudness_lufs,
            "listen": services.store.address(track.key),
            **cost_metadata(scope, Step.MUSIC_TRACK),
        },
    )


def _brief(scope: StepScope, analysis: ClipAnalysis) -> "MusicBrief":
    from montage_pipeline.music.composer import MusicBrief

    return MusicBrief(
        request_id=str(scope.request.id),
        user_id=scope.request.user_id,
        run_id=scope.run_id,
        mood=analysis.mood,
        style=scope.request.style,
        prompt=analysis.music_prompt,
        bpm=scope.request.options.target_bpm or analysis.suggested_bpm,
        duration_s=float(scope.request.duration_s),
        seed=seed_of(scope),
    )
