"""What more than one asset needs to know of its request, or shows of it: its seed, its clips'
sources, its costs.

Does not belong here: what one asset makes and another only takes; that is with the asset that makes
it.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import dagster as dg
from dagster import MetadataValue

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.footage.model import ClipSource
from montage_pipeline.orchestration.services import Services
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline.vocabulary import Step


def seed_of(scope: StepScope) -> int:
    """The request's id as a number: the same request gives the same edit."""
    return scope.request.id.int % (1 << 63)


def clip_sources(services: Services, timeline: Timeline) -> Mapping[str, ClipSource]:
    """Where the used clips are read;

    PermanentError("clip_changed") when a source is no longer what was analysed.
    """
    sources = {}
    for index in sorted({segment.clip for segment in timeline.segments}):
        facts = timeline.clips[index]
        frames = sum(segment.frames for segment in timeline.segments if segment.clip == index)
        sources[facts.url] = services.fetcher.reach(facts, float(frames / timeline.fps.fraction))
    return sources


def cost_metadata(scope: StepScope, services: Services, step: Step) -> dict[str, Any]:
    """What the paid calls of this step cost, over every attempt, as numbers that the UI plots."""
    entries = services.ledger.entries(scope.request.id, asset=step.value)
    tokens_in = sum(int(entry.usage.get("input_tokens") or 0) for entry in entries)
    tokens_out = sum(int(entry.usage.get("output_tokens") or 0) for entry in entries)
    columns = [
        dg.TableRecord(
            {
                "service": e.service.value,
                "endpoint": e.endpoint,
                "cost_usd": str(e.cost_usd),
                "state": e.state.value,
            }
        )
        for e in entries
    ]
    metadata: dict[str, Any] = {
        "cost_usd": float(sum((entry.cost_usd for entry in entries), Decimal(0))),
        "paid_calls": len(entries),
    }
    if tokens_in or tokens_out:
        metadata |= {"input_tokens": tokens_in, "output_tokens": tokens_out}
    if columns:
        metadata["costs"] = MetadataValue.table(records=columns)
    return metadata


def bullets(lines: Iterable[str]) -> str:
    """The lines as a Markdown list; "" when there are none."""
    return "\n".join(f"- {line}" for line in lines)
