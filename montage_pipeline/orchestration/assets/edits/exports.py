"""The edit for other editing programs, stored beside it in every format that can hold it."""

from montage_pipeline import logs
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.storage.keys import edit_key

log = logs.get_logger(__name__)


def store_exports(scope: StepScope, timeline: Timeline, music: MusicTrack, place: str) -> None:
    """Upload them; an EDL only at whole frames a second, the others always."""
    from montage_pipeline.editing.export import EditFormat, exported_edit

    content_types = {
        EditFormat.OTIO: "application/vnd.pixar.opentimelineio+json",
        # A browser saves what it cannot show.
        EditFormat.EDL: "application/octet-stream",
        EditFormat.FCP_XML: "application/octet-stream",
    }
    store = scope.services.store
    for format, content_type in content_types.items():
        key = edit_key(place, format.value)
        try:
            edit = exported_edit(timeline, format, music, store.address(music.key))
        except PermanentError as error:
            if format is not EditFormat.EDL or error.code is not ErrorCode.EXPORT_IMPOSSIBLE:
                raise
            log.info("edit_not_exported", format=format.value, reason=error.message)
            store.delete(key)  # that of an earlier try at this request
            continue
        store.put_bytes(key, edit.encode(), content_type=content_type)
