"""What more than one asset needs to know of its request, or shows of it: its seed, its own music,
its clips' sources, what was left out, what it cost.

Does not belong here: what one asset makes and another only takes; that is with the asset that makes
it.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import dagster as dg
from dagster import MetadataValue

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.composition import Services
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.model import ClipSource
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.records import Record, read_document
from montage_pipeline.storage.keys import document_key
from montage_pipeline.vocabulary import Step

if TYPE_CHECKING:
    from montage_pipeline.costs.ledger import CostEntry
    from montage_pipeline.music.own_music import OwnMusic

Value = TypeVar("Value", bound=Record)

_MARKDOWN = re.compile(r"[\\`*_\[\]<>|~#]")
"""What Markdown may read as something else than itself."""

_MAX_SEED = 1 << 63
"""Seeds are below it, so that they fit a signed 64-bit integer."""


def seed_of(scope: StepScope) -> int:
    """The request's id as a number: the same request gives the same edit."""
    return scope.request.id.int % _MAX_SEED


def own_music_of(scope: StepScope) -> "OwnMusic | None":
    """The user's own music, if they gave any."""
    options = scope.request.options
    if options.music_url is None:
        return None
    from montage_pipeline.music.own_music import OwnMusic

    return OwnMusic(scope.services.fetcher, options.music_url, options.target_bpm)


def stored_value(
    services: Services, kind: type[Value], request_id: UUID | str, step: Step
) -> Value | None:
    """What a request's step made; None where it is gone, or of a schema that is no longer read."""
    try:
        content = services.store.get_bytes(document_key(request_id, step))
        return read_document(kind, content, step.value)
    except PermanentError as error:
        if error.code not in (ErrorCode.STORE_MISSING, ErrorCode.DOCUMENT_SCHEMA):
            raise
        return None


def clip_sources(services: Services, timeline: Timeline) -> Mapping[str, ClipSource]:
    """Where the used clips are read.

    Raises PermanentError(CLIP_CHANGED) when a source is no longer what was analysed.
    """
    sources = {}
    for index in sorted({segment.clip for segment in timeline.segments}):
        facts = timeline.clips[index]
        frames = sum(segment.frames for segment in timeline.segments if segment.clip == index)
        sources[facts.url] = services.fetcher.reach(facts, float(frames / timeline.fps.fraction))
    return sources


def left_out(analysis: ClipAnalysis) -> tuple[str, ...]:
    """A sentence for the user on each clip that was not used."""
    from montage_pipeline.footage.names import clip_name

    return tuple(
        f"{clip_name(clip.url)} was left out: {clip.message}" for clip in analysis.rejected_clips
    )


def cost_metadata(scope: StepScope, step: Step) -> dict[str, Any]:
    """What the paid calls of this step cost, over every attempt, as numbers that the UI plots."""
    entries = scope.services.ledger.entries(scope.request.id, asset=step.value)
    metadata: dict[str, Any] = {
        "cost_usd": float(sum((entry.cost_usd for entry in entries), Decimal(0))),
        "paid_calls": sum(not entry.reused for entry in entries),
        "used_again": sum(entry.reused for entry in entries),
        "predicted_usd": float(
            sum((entry.predicted_usd or Decimal(0) for entry in entries), Decimal(0))
        ),
        "calls_in_doubt": sum(entry.in_doubt for entry in entries),
    }

    tokens_in = sum(int(entry.usage.get("input_tokens") or 0) for entry in entries)
    tokens_out = sum(int(entry.usage.get("output_tokens") or 0) for entry in entries)
    if tokens_in or tokens_out:
        metadata |= {"input_tokens": tokens_in, "output_tokens": tokens_out}

    if entries:
        metadata["costs"] = MetadataValue.table(records=[_cost_row(entry) for entry in entries])
    return metadata


def _cost_row(entry: "CostEntry") -> dg.TableRecord:
    return dg.TableRecord(
        {
            "service": entry.service.value,
            "endpoint": entry.endpoint,
            "cost_usd": str(entry.cost_usd),
            "state": entry.state.value,
        }
    )


def bullets(lines: Iterable[str]) -> str:
    """The lines as a Markdown list; "" when there are none. They are text: nothing in them is
    markup, whatever a file is called.
    """
    return "\n".join(f"- {_MARKDOWN.sub(_escaped, line)}" for line in lines)


def _escaped(mark: re.Match[str]) -> str:
    return f"\\{mark.group()}"
