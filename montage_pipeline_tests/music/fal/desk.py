"""A request whose music is about to be bought: the ledger behind it, the server that is paid."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from montage_pipeline.costs.ledger import CostEntry, CostLedger
from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.music.composer import ComposedMusic, MusicBrief
from montage_pipeline.music.fal.composer import FalComposer
from montage_pipeline.settings import Settings
from montage_pipeline_tests.fakes.fal_server import FalServer


class Desk:
    """Buys music for one request. `changes` are settings other than the usual ones."""

    def __init__(
        self, engine: Engine, server: FalServer, user_id: UUID, request_id: UUID, workdir: Path
    ) -> None:
        self.user_id = user_id
        self.request_id = request_id
        self.ledger = CostLedger(engine)
        self.server = server
        self.workdir = workdir

    def composer(self, ledger: CostLedger | None = None, **changes: Any) -> FalComposer:
        values: dict[str, Any] = {
            "fal_key": SecretStr("a-key"),
            "fal_queue_url": self.server.url,
            "fal_timeout_s": 20.0,
        } | changes
        return FalComposer(Settings(**values), ledger or self.ledger, poll_interval_s=0.01)

    def brief(self, duration_s: float = 11.5) -> MusicBrief:
        return MusicBrief(
            request_id=str(self.request_id),
            user_id=self.user_id,
            run_id="run-1",
            mood="uplifting",
            style="travel",
            prompt="Sunny acoustic guitars",
            bpm=104,
            duration_s=duration_s,
            seed=77,
        )

    def buy(self, brief: MusicBrief | None = None, **changes: Any) -> ComposedMusic:
        return self.composer(**changes).compose(brief or self.brief(), self.workdir)

    def entries(self) -> list[CostEntry]:
        return self.ledger.entries(self.request_id)

    def fails(
        self, code: ErrorCode, kind: type[MontageError] = MontageError, **changes: Any
    ) -> MontageError:
        """Buy, and return the error that this must end in."""
        with pytest.raises(MontageError) as caught:
            self.buy(**changes)
        assert caught.value.code is code
        assert type(caught.value) is kind
        return caught.value
