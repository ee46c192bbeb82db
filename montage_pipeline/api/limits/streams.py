"""`StreamLimiter`: how many event streams one user may have open.

Counted by each process for itself, because what a stream takes (a socket, a task, a look every few
seconds) is taken from the process that serves it.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from montage_pipeline.errors import ErrorCode, MontageError

_RETRY_AFTER_S = 10
"""A stream that its client has left is noticed with the next heartbeat, within 15 s."""


class StreamLimiter:
    """For coroutines of one event loop; `per_user` 0 limits nothing."""

    def __init__(self, per_user: int) -> None:
        self._per_user = per_user
        self._open: Counter[UUID] = Counter()

    def refuse_too_many(self, user_id: UUID) -> None:
        """Raises MontageError(TOO_MANY_EVENT_STREAMS) for a user who may open no other."""
        if self._per_user and self._open[user_id] >= self._per_user:
            raise MontageError(
                ErrorCode.TOO_MANY_EVENT_STREAMS,
                f"You have {self._open[user_id]} event streams open; at most {self._per_user} may "
                "be. Close some, or poll.",
                limit=self._per_user,
                retry_after_s=_RETRY_AFTER_S,
            )

    @contextmanager
    def one_of(self, user_id: UUID) -> Iterator[None]:
        """A stream of the user, for as long as the block lasts."""
        self._open[user_id] += 1
        try:
            yield
        finally:
            self._open[user_id] -= 1
            if not self._open[user_id]:
                del self._open[user_id]
