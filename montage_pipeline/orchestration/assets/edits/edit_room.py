"""What may become of an edit, stored beside it, with a frame of all that could be shown instead."""

import hashlib
from collections.abc import Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING
from uuid import UUID

from montage_pipeline import logs
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import MontageError
from montage_pipeline.machine import usable_cores
from montage_pipeline.orchestration.assets.taken_over import origin_of
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.storage.keys import alternative_key, edit_room_key

if TYPE_CHECKING:
    from montage_pipeline.editing.changing.room import Alternative, EditRoom
    from montage_pipeline.editing.changing.rooms import Offers
    from montage_pipeline.editing.decoded.segment_frames import ClipFrame
    from montage_pipeline.footage.decoding.frames import RgbFrame

_AT_ONCE = 8
"""Thumbnails on their way to the store, whose answers are waited for."""

log = logs.get_logger(__name__)


def frames_for(scope: StepScope, offers: "Offers") -> "set[ClipFrame]":
    """The frames that stand for what is offered instead of an edit's segments. None for a preview,
    which somebody waits for: they are drawn for the Reel that becomes of it.
    """
    if scope.request.options.preview:
        return set()
    return {_frame_of(found) for of_segment in offers for found in of_segment}


def store_edit_room(
    scope: StepScope,
    room: "EditRoom",
    timeline: Timeline,
    frames: "Mapping[ClipFrame, RgbFrame]",
) -> frozenset[str]:
    """Upload the room, and a thumbnail of every alternative; those that are neither among `frames`
    nor stored with what the request takes over are decoded.

    Returns the ids of the alternatives that have one: a clip that cannot be read again, or would
    have to be fetched for it, costs only that.
    """
    store, request_id = scope.services.store, scope.request.id
    store.put_bytes(
        edit_room_key(request_id), room.model_dump_json().encode(), content_type="application/json"
    )
    wanted = dict(_alternatives(room))
    there = {name for name, found in wanted.items() if _frame_of(found) in frames}
    _store(scope, {name: frames[_frame_of(wanted[name])] for name in there})
    there |= _taken_over(scope, wanted.keys() - there)
    near = _clips_at_hand(scope, timeline)
    missing = {
        name: found
        for name, found in wanted.items()
        if name not in there and found.footage.clip in near
    }
    return frozenset(there | _drawn(scope, missing, timeline))


def _frame_of(alternative: "Alternative") -> "ClipFrame":
    """The frame that its thumbnail shows."""
    from montage_pipeline.editing.decoded.segment_frames import ClipFrame
    from montage_pipeline.editing.storyboard.frames import THUMBNAIL_SIDE

    return ClipFrame(alternative.footage.clip, alternative.footage.start_s, THUMBNAIL_SIDE)


def _clips_at_hand(scope: StepScope, timeline: Timeline) -> set[int]:
    """Clips that this run reads in any case, and has time for: all that it analysed, or those that
    the changed edit shows.
    """
    if scope.request.options.preview:
        return set()
    if scope.request.base_request_id is None:
        return set(range(len(timeline.clips)))
    return {segment.clip for segment in timeline.segments}


def _alternatives(room: "EditRoom") -> "Iterator[tuple[str, Alternative]]":
    for segment in room.segments:
        for alternative in segment.alternatives:
            yield alternative.id, alternative


def _taken_over(scope: StepScope, wanted: Set[str]) -> set[str]:
    """Those whose thumbnails are stored with the edit that this one comes of: they are copied."""
    origin = origin_of(scope.request)
    if origin is None:
        return set()
    names = sorted(wanted)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="thumbnails") as pool:
        copied = pool.map(lambda name: _copied(scope, origin.request_id, name), names)
        return {name for name, is_there in zip(names, copied, strict=True) if is_there}


def _copied(scope: StepScope, origin: UUID, name: str) -> bool:
    store = scope.services.store
    stored = store.head(alternative_key(origin, name))
    if stored is None or stored.sha256 is None:
        return False
    store.copy(
        stored.key,
        alternative_key(scope.request.id, name),
        content_type="image/jpeg",
        cache_control="no-store",
        sha256=stored.sha256,
    )
    return True


def _drawn(scope: StepScope, wanted: "dict[str, Alternative]", timeline: Timeline) -> set[str]:
    """Decode and upload them, as many clips side by side as there are cores."""
    from montage_pipeline.editing.storyboard.frames import THUMBNAIL_SIDE
    from montage_pipeline.footage.decoding.sample import frames_at

    fetching = Lock()  # the fetcher is for one thread

    def drawn(clip: int) -> set[str]:
        of_clip = {name: found for name, found in wanted.items() if found.footage.clip == clip}
        try:
            facts = timeline.clips[clip]
            with fetching:
                used_s = len(of_clip) / float(facts.fps.fraction)
                source = scope.services.fetcher.reach(facts, used_s)
            times_s = [found.footage.start_s for found in of_clip.values()]
            frames = frames_at(source, facts, times_s, THUMBNAIL_SIDE)
        except MontageError as error:
            log.warning("alternatives_not_drawn", clip=clip, reason=error.message)
            return set()
        _store(scope, dict(zip(of_clip, frames, strict=True)))
        return set(of_clip)

    clips = sorted({found.footage.clip for found in wanted.values()})
    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="alternatives") as pool:
        return set().union(*pool.map(drawn, clips))


def _store(scope: StepScope, frames: "Mapping[str, RgbFrame]") -> None:
    """Upload a thumbnail of each."""
    from PIL import Image

    from montage_pipeline.editing.storyboard.frames import thumbnail_of

    def store(name: str) -> None:
        thumbnail = thumbnail_of(Image.fromarray(frames[name]))
        scope.services.store.put_bytes(
            alternative_key(scope.request.id, name),
            thumbnail,
            content_type="image/jpeg",
            sha256=hashlib.sha256(thumbnail).hexdigest(),
        )

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="thumbnails") as pool:
        list(pool.map(store, frames))
