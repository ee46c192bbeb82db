"""Music of an earlier request, used again: because the same is asked for, or because the user wants
to keep it.
"""

import json
from pathlib import PurePosixPath
from uuid import UUID

from montage_pipeline import logs
from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.costs.ledger import PaidCall, fingerprint_of
from montage_pipeline.costs.reuse import note_reuse
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.music.composer import MusicBrief
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.orchestration.assets.kept_analysis import clips_fingerprint
from montage_pipeline.orchestration.assets.request_facts import stored_value
from montage_pipeline.orchestration.assets.taken_over import Origin, taken_value
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.requests.reuse.kept import KeptValue
from montage_pipeline.storage.keys import work_key
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.vocabulary import Service, Step

log = logs.get_logger(__name__)

_CACHE_CONTROL = "private, no-cache"
"""Of a working file, which another try may write again."""


def music_asked(scope: StepScope, brief: MusicBrief) -> str:
    """What makes two pieces the same.

    The prompt is left out: its wording changes with every release and analyst, and the music that
    was paid for fits as well as before.
    """
    settings = scope.services.settings
    facts = {
        "composer": settings.composer_used,
        "model": settings.fal_music_model if settings.composer_used == "fal" else _local_model(),
        "style": brief.style,
        "mood": brief.mood,
        "bpm": brief.bpm,
        "duration_s": brief.duration_s,
        "seed": brief.seed,
    }
    return fingerprint_of("music", json.dumps(facts, sort_keys=True))


def _local_model() -> str:
    from montage_pipeline.music.synth.composer import MODEL

    return MODEL


def kept_music(scope: StepScope, asked: str) -> MusicTrack | None:
    """The music that the same order gave before, with its file among the request's own."""
    request, services = scope.request, scope.services
    answering = services.kept.answering(request.user_id, Step.MUSIC_TRACK, asked, request.id)
    for request_id in answering:
        track = stored_value(services, MusicTrack, request_id, Step.MUSIC_TRACK)
        if track is not None and track.asked == asked and _is_there(services.store, track):
            return _taken(scope, track, request_id)
    return None


def music_to_keep(scope: StepScope, analysis: ClipAnalysis, brief: MusicBrief) -> MusicTrack:
    """The music of the item's newest Reel that is long enough, or else of the newest one of the
    same clips.

    Raises PermanentError(MUSIC_NONE_TO_KEEP): whoever wants to keep music has not asked for any to
    be bought.
    """
    request, services = scope.request, scope.services
    clips = clips_fingerprint([clip.facts.sha256 for clip in analysis.clips])
    candidates = [
        *services.kept.of_item(request.user_id, Step.MUSIC_TRACK, request.content_item_id),
        *services.kept.of_clips(request.user_id, Step.MUSIC_TRACK, clips),
    ]
    for request_id in dict.fromkeys(candidates):
        track = stored_value(services, MusicTrack, request_id, Step.MUSIC_TRACK)
        if (
            track is not None
            and track.duration_s >= brief.needed_s
            and _is_there(services.store, track)
        ):
            kept_from = track.kept_from or str(request_id)
            return _taken(scope, track, request_id).model_copy(update={"kept_from": kept_from})
    raise PermanentError(
        ErrorCode.MUSIC_NONE_TO_KEEP,
        f"No earlier Reel of these clips has music of {brief.needed_s:g} s or more that is still "
        "there, so there is none to keep. Ask without keepMusic to have new music composed.",
        needed_s=brief.needed_s,
    )


def taken_music(scope: StepScope, origin: Origin) -> MusicTrack:
    """The music that the origin's edit was cut to; raises the origin's error without it."""
    track = taken_value(scope, origin, MusicTrack, Step.MUSIC_TRACK)
    if not _is_there(scope.services.store, track):
        raise origin.expired()
    return _taken(scope, track, origin.request_id)


def note_music(scope: StepScope, track: MusicTrack, analysis: ClipAnalysis) -> None:
    """Have later requests find the music, once it is stored."""
    scope.services.kept.note(
        KeptValue(
            montage_request_id=scope.request.id,
            user_id=scope.request.user_id,
            step=Step.MUSIC_TRACK,
            asked=track.asked,
            clips=clips_fingerprint([clip.facts.sha256 for clip in analysis.clips]),
        )
    )


def _is_there(store: ObjectStore, track: MusicTrack) -> bool:
    """Whether the file is the one that the document is of."""
    found = store.head(track.key)
    return found is not None and store.stored_sha256(track.key) == track.sha256


def _taken(scope: StepScope, track: MusicTrack, request_id: UUID) -> MusicTrack:
    """The track with a file of this request's own, which lives as long as the request."""
    key = work_key(scope.request.id, f"music{PurePosixPath(track.key).suffix}")
    if key != track.key:
        scope.services.store.copy(
            track.key,
            key,
            content_type=track.content_type,
            cache_control=_CACHE_CONTROL,
            sha256=track.sha256,
        )
    log.info("music_used_again", of_request=str(request_id))
    _note_nothing_bought(scope, track, request_id)
    return track.model_copy(update={"key": key})


def _note_nothing_bought(scope: StepScope, track: MusicTrack, request_id: UUID) -> None:
    """A row on the ledger where the music was paid for, by another request than this."""
    if track.composer != "fal" or request_id == scope.request.id:
        return
    call = PaidCall(
        user_id=scope.request.user_id,
        service=Service.FAL,
        endpoint=track.model,
        montage_request_id=scope.request.id,
        run_id=scope.run_id,
        asset=Step.MUSIC_TRACK.value,
        fingerprint=track.asked,
    )
    note_reuse(scope.services.ledger, call, request_id)
