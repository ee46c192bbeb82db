"""What may become of an edit, stored beside it, with a frame of all that could be shown instead."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING
from uuid import UUID

from montage_pipeline import logs
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import MontageError
from montage_pipeline.footage.model import ClipFacts, ClipSource
from montage_pipeline.machine import usable_cores
from montage_pipeline.orchestration.scratch import scratch_folder
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.storage.keys import alternative_key, edit_room_key

if TYPE_CHECKING:
    from montage_pipeline.editing.changing.room import Alternative, EditRoom

log = logs.get_logger(__name__)


def store_edit_room(scope: StepScope, room: "EditRoom", timeline: Timeline) -> frozenset[str]:
    """Upload the room, and a thumbnail of every alternative.

    Returns the ids of the alternatives that have one: a clip that cannot be read again, or would
    have to be fetched for it, costs only that.
    """
    store, request_id = scope.services.store, scope.request.id
    store.put_bytes(
        edit_room_key(request_id), room.model_dump_json().encode(), content_type="application/json"
    )
    wanted = dict(_alternatives(room))
    there = _taken_over(scope, wanted)
    near = _clips_at_hand(scope, timeline)
    missing = {
        name: found
        for name, found in wanted.items()
        if name not in there and found.footage.clip in near
    }
    return frozenset(there | _drawn(scope, missing, timeline))


def _clips_at_hand(scope: StepScope, timeline: Timeline) -> set[int]:
    """Clips that this run reads in any case: all that it analysed, or those that the changed edit
    shows.
    """
    if scope.request.base_request_id is None:
        return set(range(len(timeline.clips)))
    return {segment.clip for segment in timeline.segments}


def _alternatives(room: "EditRoom") -> "Iterator[tuple[str, Alternative]]":
    for segment in room.segments:
        for alternative in segment.alternatives:
            yield alternative.id, alternative


def _taken_over(scope: StepScope, wanted: "dict[str, Alternative]") -> set[str]:
    """Those whose thumbnails the base has: they are copied."""
    base = scope.request.base_request_id
    return {name for name in wanted if base is not None and _copied(scope, base, name)}


def _copied(scope: StepScope, base: UUID, name: str) -> bool:
    store = scope.services.store
    stored = store.head(alternative_key(base, name))
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
    fetching = Lock()  # the fetcher is for one thread

    def drawn(clip: int) -> set[str]:
        of_clip = {name: found for name, found in wanted.items() if found.footage.clip == clip}
        try:
            facts = timeline.clips[clip]
            with fetching:
                used_s = len(of_clip) / float(facts.fps.fraction)
                source = scope.services.fetcher.reach(facts, used_s)
            _draw(scope, of_clip, facts, source)
        except MontageError as error:
            log.warning("alternatives_not_drawn", clip=clip, reason=error.message)
            return set()
        return set(of_clip)

    clips = sorted({found.footage.clip for found in wanted.values()})
    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="alternatives") as pool:
        return set().union(*pool.map(drawn, clips))


def _draw(
    scope: StepScope, wanted: "dict[str, Alternative]", facts: ClipFacts, source: ClipSource
) -> None:
    from PIL import Image

    from montage_pipeline.editing.storyboard.frames import THUMBNAIL_SIDE, write_thumbnail
    from montage_pipeline.footage.decoding.sample import frames_at

    services = scope.services
    times_s = [found.footage.start_s for found in wanted.values()]
    frames = frames_at(source, facts, times_s, THUMBNAIL_SIDE)
    with scratch_folder(services, "alternatives") as folder:
        for name, frame in zip(wanted, frames, strict=True):
            path = folder / "frame.jpg"
            write_thumbnail(Image.fromarray(frame), path)
            services.store.put_file(
                alternative_key(scope.request.id, name), path, content_type="image/jpeg"
            )
