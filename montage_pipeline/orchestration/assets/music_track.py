"""What `music_track` does: compose music for this Reel, take the user's own or that of an earlier
Reel, and store it with its beat grid.
"""

from typing import TYPE_CHECKING

import dagster as dg
from dagster import MaterializeResult

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.orchestration.assets.request_facts import (
    cost_metadata,
    own_music_of,
    seed_of,
)
from montage_pipeline.orchestration.assets.taken_over import origin_of, taken_value
from montage_pipeline.orchestration.scratch import scratch_folder
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.requests.options import MAX_TARGET_BPM, MIN_TARGET_BPM
from montage_pipeline.requests.segment_changes.model import changed_music
from montage_pipeline.vocabulary import Step

if TYPE_CHECKING:
    from montage_pipeline.music.composer import Composer, MusicBrief

_COMPOSED = 0.8
"""Share of the step that is done when the music is there and only has to be stored."""


def compose_music(scope: StepScope, analysis: ClipAnalysis) -> MaterializeResult[MusicTrack]:
    """The Reel's music, stored; that of the request it takes over from, unless a change asks for
    other music. Nothing is composed, nor bought, that an earlier request has.

    Raises PermanentError(MUSIC_NONE_TO_KEEP).
    """
    from montage_pipeline.orchestration.assets.kept_music import note_music

    services = scope.services
    track = _track(scope, analysis)
    note_music(scope, track, analysis)
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


def _track(scope: StepScope, analysis: ClipAnalysis) -> MusicTrack:
    from montage_pipeline.orchestration.assets.kept_music import (
        kept_music,
        music_asked,
        music_to_keep,
        taken_music,
    )

    origin = origin_of(scope.request)
    brief = _brief(scope, analysis)
    if origin is not None:
        if changed_music(scope.request.changes) is None:
            return taken_music(scope, origin)
        # The cuts stay, so other music is to be as fast as that which they were made for.
        was = taken_value(scope, origin, MusicTrack, Step.MUSIC_TRACK).grid.bpm
        bpm = round(min(max(was, MIN_TARGET_BPM), MAX_TARGET_BPM))
        brief = brief.model_copy(update={"bpm": bpm})
    if scope.request.options.keep_music:
        return music_to_keep(scope, analysis, brief)
    if own_music := own_music_of(scope):
        return _composed(scope, own_music, brief)
    asked = music_asked(scope, brief)
    track = kept_music(scope, asked) or _composed(scope, scope.services.composer(), brief)
    # A Reel may have kept it; here it is what was ordered.
    return track.model_copy(update={"asked": asked, "kept_from": ""})


def _composed(scope: StepScope, composer: "Composer", brief: "MusicBrief") -> MusicTrack:
    """New music, stored."""
    from montage_pipeline.music.track import store_track

    with scratch_folder(scope.services, "music") as folder:
        composed = composer.compose(brief, folder)
        scope.progress(_COMPOSED)
        return store_track(composed, scope.services.store, scope.request.id)


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
