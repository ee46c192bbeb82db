"""The edit of a Reel that was made at this machine, to be changed.

Belongs here: finding it by whatever a person names of the Reel. Does not belong here: its files
(`made_reels`), or the changes (`changes`).
"""

from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from montage_pipeline.cli.made_reels import timeline_of
from montage_pipeline.composition import Services
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.names import printable
from montage_pipeline.local.identity import LOCAL_USER_ID
from montage_pipeline.records import read_document
from montage_pipeline.requests.edit_view import EditView
from montage_pipeline.requests.plans import planned_request
from montage_pipeline.storage.keys import edit_view_key
from montage_pipeline.vocabulary import Step


class MadeEdit(NamedTuple):
    """An edit, and the item that it belongs to."""

    content_item_id: UUID
    view: EditView


def made_edit(services: Services, named: Path) -> MadeEdit:
    """The edit of the Reel that `named` belongs to; the newest one of an item's id.

    Raises PermanentError: what `timeline_of` raises, NOT_A_REEL for what is not the local user's,
    and CHANGES_UNAVAILABLE when it was made by another release, or its files have expired.
    """
    request_id = _request_named(services, named)
    request = services.requests.get_request(request_id)
    if request is None or request.user_id != LOCAL_USER_ID:
        raise PermanentError(
            ErrorCode.NOT_A_REEL,
            f"{printable(str(named))} belongs to no Reel that was made at this machine.",
        )
    try:
        stored = services.store.get_bytes(edit_view_key(request.id))
        view = read_document(EditView, stored, Step.EDIT_TIMELINE)
    except PermanentError as error:
        if error.code not in (ErrorCode.STORE_MISSING, ErrorCode.DOCUMENT_SCHEMA):
            raise
        raise PermanentError(
            ErrorCode.CHANGES_UNAVAILABLE,
            f"The edit of request {request.id} cannot be changed: it was made by another release, "
            "or its files have expired.",
        ) from error
    return MadeEdit(request.content_item_id, view)


def _request_named(services: Services, named: Path) -> UUID:
    try:
        item_or_request_id = UUID(str(named))
    except ValueError:
        from montage_pipeline.editing.timeline import Timeline

        stored = timeline_of(named).read_bytes()
        return UUID(read_document(Timeline, stored, Step.EDIT_TIMELINE).request_id)
    return planned_request(services.engine, item_or_request_id) or item_or_request_id
