"""How a request may end, and what its item then shows."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from montage_pipeline.errors import ErrorCode
from montage_pipeline.requests.model import RequestFailure
from montage_pipeline.requests.seen import SeenSegment
from montage_pipeline.vocabulary import ContentStatus, RequestState


class Ending(NamedTuple):
    """How a request ends: its state, what its item's row is set to, and what counts as seen (None:
    what was seen stays). `event` is what a webhook is told, where the state does not say it.
    """

    state: RequestState
    item_values: dict[str, Any]
    error: dict[str, Any] | None = None
    shown: Sequence[SeenSegment] | None = None
    event: str | None = None

    @property
    def leaves(self) -> tuple[ContentStatus, ...]:
        """The statuses of an item that it changes: a failure takes no finished Reel away."""
        if self.state is RequestState.SUCCEEDED:
            return (ContentStatus.GENERATING, ContentStatus.DRAFT)
        return (ContentStatus.GENERATING,)

    @classmethod
    def of_failure(cls, state: RequestState, failure: RequestFailure) -> "Ending":
        """The request ends so because of this failure."""
        error = failure.model_dump(mode="json", exclude={"clips"})
        clips = [clip.model_dump(mode="json") for clip in failure.clips]
        values = {
            "status": ContentStatus.FAILED,
            "error": error,
            "progress_detail": None,
            "clips": clips,
        }
        return cls(state, values, error)


def canceled(run_id: str | None) -> Ending:
    """Somebody wants the request no more."""
    return _canceled("A person stopped it before it was done.", run_id)


def superseded() -> Ending:
    """Its owner asked for another Reel of the item, while somebody made this one again by hand."""
    return _canceled("Another Reel of the item was asked for while this one was made again.", None)


def _canceled(message: str, run_id: str | None) -> Ending:
    failure = RequestFailure(
        code=ErrorCode.CANCELED, message=message, step=None, attempts=1, run_id=run_id
    )
    return Ending.of_failure(RequestState.CANCELED, failure)
