"""What a request takes over from the one that it names: that whose edit it changes, or whose plan
it renders.

Nothing is analysed or bought again: the documents become the request's own, and files are copied
inside the object store, so that the other request may expire or be deleted.

Belongs here: which request that is, its documents, and that they are gone. Does not belong here:
values of requests that are not named, found by what was asked (`kept_analysis`, `kept_music`).
"""

from typing import TYPE_CHECKING, NamedTuple, TypeVar
from uuid import UUID

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.orchestration.assets.request_facts import stored_value
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.records import Record
from montage_pipeline.requests.model import MontageRequest
from montage_pipeline.vocabulary import Step

if TYPE_CHECKING:
    from montage_pipeline.editing.changing.room import EditRoom

Value = TypeVar("Value", bound=Record)


class Origin(NamedTuple):
    """The request that is named, and what is raised where something of it is gone."""

    request_id: UUID
    code: ErrorCode
    gone: str

    def expired(self) -> PermanentError:
        """That something of it is gone, or by a release whose documents are not read any more."""
        return PermanentError(self.code, self.gone)


def origin_of(request: MontageRequest) -> Origin | None:
    """The request that this one takes over from, if it names one."""
    if request.chosen is not None:
        return Origin(
            request.chosen.request_id,
            ErrorCode.PLAN_EXPIRED,
            "The plan that was chosen is not stored any more, or by a release whose plans are not "
            "read any more. Have the item planned again, then choose.",
        )
    if request.base_request_id is not None:
        base = request.base_request_id
        return Origin(
            base,
            ErrorCode.CHANGES_UNAVAILABLE,
            f"The files of request {base}, whose edit was to be changed, have expired, or are of "
            "a release whose edits are not read any more.",
        )
    return None


def taken_value(
    scope: StepScope, origin: Origin, kind: type[Value], step: Step, *, place: str = ""
) -> Value:
    """What a step of the origin made; in `place` (`storage.keys`) where it made several.

    Raises the origin's error when it is gone.
    """
    value = stored_value(scope.services, kind, place or origin.request_id, step)
    if value is None:
        raise origin.expired()
    return value


def base_edit(scope: StepScope, base: Origin) -> "tuple[Timeline, EditRoom]":
    """The base's edit, and what may become of it."""
    timeline = taken_value(scope, base, Timeline, Step.EDIT_TIMELINE)
    return timeline, scope.services.edit_room(base.request_id)
