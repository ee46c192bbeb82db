"""What the tests of the Claude analyst stand on.

Generated clips, a stand-in for the local analyst, a ledger and a store in memory, and
`AnalysisStep`, which puts them together.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from anthropic import Anthropic

from montage_pipeline.analysis.analyst import Analyst
from montage_pipeline.analysis.claude.analyst import ClaudeAnalyst, connect
from montage_pipeline.analysis.claude.body import Wish
from montage_pipeline.analysis.claude.call import Payer
from montage_pipeline.analysis.model import (
    AnalysedClip,
    AnalystFacts,
    ClipAnalysis,
    Moment,
    QualityScores,
    RejectReason,
    TimeSpan,
)
from montage_pipeline.costs.ledger import OpenEntry, PaidCall
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.footage.model import ClipFacts, FetchedClip
from montage_pipeline.footage.probe import probe
from montage_pipeline.settings import Settings
from montage_pipeline.storage.model import StoredObject
from montage_pipeline_tests.fakes.anthropic_server import AnthropicServer
from montage_pipeline_tests.footage.media import fetched, make_clip

MOMENT_S = 3.0
SCORES = QualityScores(
    sharpness=0.8, exposure=0.7, stability=0.9, motion=0.4, colour=0.5, faces=0, speech=0.2
)


def clips_in(folder: Path, count: int) -> list[FetchedClip]:
    """`count` clips of 6 s, 640 x 360, each of another colour.

    The second half of the last one is black.
    """
    clips = []
    for index in range(count):
        is_last = index == count - 1
        black = f",drawbox=t=fill:color=black:enable='gte(t,{MOMENT_S})'" if is_last else ""
        path = make_clip(
            folder / f"clip{index}.mp4",
            size="640x360",
            rate="5",
            duration_s=2 * MOMENT_S,
            filters=f"hue=h={360 * index // count}{black}",
        )
        clips.append(fetched(path))
    return clips


class StandInAnalyst:
    """Moments of 3 s without measuring: what the local analyst hands over, from real probes.

    The first moment of the first clip has a technical reject.
    """

    def analyse(self, clips: Sequence[FetchedClip], style: str, duration_s: float) -> ClipAnalysis:
        """See `Analyst.analyse`."""
        analysed = tuple(self._clip(index, probe(clip)) for index, clip in enumerate(clips))
        usable = [moment.id for clip in analysed for moment in clip.moments if not moment.rejects]
        return ClipAnalysis(
            clips=analysed,
            rejected_clips=(),
            hook_moment=usable[0],
            best_moments=tuple(usable),
            mood="",
            music_prompt="",
            suggested_bpm=100,
            analyst=AnalystFacts(name="local"),
        )

    def _clip(self, index: int, facts: ClipFacts) -> AnalysedClip:
        count = int((facts.duration_s + 0.01) / MOMENT_S)
        return AnalysedClip(
            facts=facts,
            shots=(TimeSpan(start_s=facts.start_s, end_s=facts.start_s + facts.duration_s),),
            moments=tuple(self._moment(index, number, facts) for number in range(count)),
        )

    def _moment(self, index: int, number: int, facts: ClipFacts) -> Moment:
        start_s = facts.start_s + number * MOMENT_S
        shaky = RejectReason(code="shaky", message="the camera shakes")
        return Moment(
            id=f"c{index + 1:02d}m{number + 1:02d}",
            clip=index,
            start_s=start_s,
            end_s=start_s + MOMENT_S,
            scores=SCORES,
            quality=0.75,
            interest=0.5 + 0.02 * index,
            hook=0.4,
            fingerprint=hashlib.sha256(f"{index}.{number}".encode()).hexdigest()[:16],
            rejects=(shaky,) if index == number == 0 else (),
        )


@dataclass
class LedgerRow:
    """One row of `MemoryLedger`."""

    call: PaidCall
    state: str = "pending"
    sent: bool = False
    cost_usd: Decimal = Decimal(0)
    usage: dict[str, Any] = field(default_factory=dict)
    price_version: str = ""
    provider_request_id: str | None = None


class MemoryLedger:
    """The part of `CostLedger` that an analyst uses: only pending rows change, and a request buys
    `most` answers.
    """

    most = 4

    def __init__(self) -> None:
        self.rows: dict[UUID, LedgerRow] = {}
        self.fail_settle: list[BaseException] = []

    def open(self, call: PaidCall) -> UUID:
        self.require_another(call)
        entry_id = uuid4()
        usage = {"predicted": call.predicted_usage}
        self.rows[entry_id] = LedgerRow(call, usage=usage, price_version=call.price_version or "")
        return entry_id

    def require_another(self, call: PaidCall) -> None:
        if sum(row.cost_usd > 0 for row in self.rows.values()) >= self.most:
            raise PermanentError(ErrorCode.PAID_CALLS_SPENT, "paid often enough")

    def mark_sent(self, entry_id: UUID) -> None:
        self._pending(entry_id).sent = True

    def find_pending(self, call: PaidCall) -> OpenEntry | None:
        for entry_id, row in reversed(self.rows.items()):
            if row.state == "pending" and (row.call.fingerprint, row.call.montage_request_id) == (
                call.fingerprint,
                call.montage_request_id,
            ):
                return OpenEntry(
                    id=entry_id,
                    provider_request_id=row.provider_request_id,
                    usage=row.usage,
                    sent=row.sent,
                )
        return None

    def attach(self, entry_id: UUID, provider_request_id: str) -> None:
        self._pending(entry_id).provider_request_id = provider_request_id

    def settle(
        self,
        entry_id: UUID,
        *,
        cost_usd: Decimal,
        usage: Mapping[str, Any],
        price_version: str,
        provider_request_id: str | None = None,
    ) -> None:
        if self.fail_settle:
            raise self.fail_settle.pop()
        self._close(
            entry_id, "settled", cost_usd, usage, price_version
        ).provider_request_id = provider_request_id

    def close_free(
        self,
        entry_id: UUID,
        facts: Mapping[str, Any],
        *,
        provider_request_id: str | None = None,
    ) -> None:
        row = self._close(
            entry_id,
            "settled",
            Decimal(0),
            {"charged": False, **facts},
            self._pending(entry_id).price_version,
        )
        row.provider_request_id = provider_request_id

    def close_in_doubt(self, entry_id: UUID, reason: str, **facts: Any) -> None:
        row = self._pending(entry_id)
        usage = row.usage | {"uncertain": True, "error": reason, **facts}
        self._close(entry_id, "estimated", row.call.predicted_usd, usage, row.price_version)

    def estimate(
        self, entry_id: UUID, *, cost_usd: Decimal, usage: Mapping[str, Any], price_version: str
    ) -> None:
        self._close(entry_id, "estimated", cost_usd, usage, price_version)

    def _close(
        self,
        entry_id: UUID,
        state: str,
        cost_usd: Decimal,
        usage: Mapping[str, Any],
        price_version: str,
    ) -> LedgerRow:
        row = self._pending(entry_id)
        row.state, row.cost_usd = state, cost_usd
        row.usage, row.price_version = dict(usage), price_version
        return row

    def _pending(self, entry_id: UUID) -> LedgerRow:
        if self.rows[entry_id].state != "pending":
            raise MontageError(ErrorCode.LEDGER_CONFLICT, "not pending")
        return self.rows[entry_id]

    @property
    def states(self) -> list[str]:
        """The rows' states, oldest first."""
        return [row.state for row in self.rows.values()]

    @property
    def total_usd(self) -> Decimal:
        """What all rows cost."""
        return sum((row.cost_usd for row in self.rows.values()), Decimal(0))


class MemoryStore:
    """The part of `ObjectStore` that an analyst uses."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.fail_put: list[BaseException] = []

    def put_bytes(self, key: str, data: bytes, *, content_type: str) -> StoredObject:
        if self.fail_put:
            raise self.fail_put.pop()
        self.objects[key] = data
        return StoredObject(
            bucket="b", key=key, etag="e", bytes=len(data), content_type=content_type
        )

    def head(self, key: str) -> StoredObject | None:
        if key not in self.objects:
            return None
        size = len(self.objects[key])
        return StoredObject(
            bucket="b", key=key, etag="e", bytes=size, content_type="application/json"
        )

    def get_bytes(self, key: str) -> bytes:
        return self.objects[key]


class AnalysisStep:
    """The analysis of one montage request; every `analyst()` is a further attempt of it."""

    def __init__(
        self, server: AnthropicServer, clips: list[FetchedClip], measured_by: Analyst | None = None
    ) -> None:
        self.measured_by = measured_by or StandInAnalyst()
        self.server = server
        self.clips = clips
        self.ledger = MemoryLedger()
        self.store = MemoryStore()
        self.wish = Wish()
        self.payer = Payer(user_id=uuid4(), montage_request_id=uuid4(), run_id="run-1")

    def settings(self, **changes: Any) -> Settings:
        """Settings that lead to the server."""
        return Settings(
            **{
                "anthropic_api_key": "sk-test",
                "anthropic_base_url": self.server.url,
                "claude_timeout_s": 20.0,
                **changes,
            }
        )

    def analyst(
        self, client_factory: Callable[[Settings], Anthropic] = connect, **changes: Any
    ) -> ClaudeAnalyst:
        """A new attempt."""
        return ClaudeAnalyst(
            self.settings(**changes),
            self.ledger,  # type: ignore[arg-type]
            self.store,  # type: ignore[arg-type]
            self.payer,
            wish=self.wish,
            client_factory=client_factory,
            measured_by=self.measured_by,
        )

    def analyse(self, *, duration_s: float = 30, **changes: Any) -> ClipAnalysis:
        """A new attempt, made."""
        return self.analyst(**changes).analyse(self.clips, "travel", duration_s)
