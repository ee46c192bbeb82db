"""One click whose steps pay the providers, and how it ended."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import dagster as dg

from montage_pipeline.composition import Services
from montage_pipeline.costs.ledger import CostEntry
from montage_pipeline.requests.options import MontageOptions
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import ContentStatus, Step
from montage_pipeline_tests.clicks import click
from montage_pipeline_tests.orchestration.conftest import (
    add_partition,
    item_of,
    retries_of,
    run_montage,
    store_analysis,
)


@dataclass
class Outcome:
    """How the run of one click ended."""

    success: bool
    retries: int
    status: ContentStatus
    error: dict[str, Any]
    entries: list[CostEntry]
    tries: tuple[dict[str, Any], ...]
    warnings: tuple[str, ...]

    @property
    def logged_usd(self) -> Decimal:
        return sum((entry.cost_usd for entry in self.entries), Decimal(0))


def outcome_of(
    settings: Settings,
    instance: dg.DagsterInstance,
    user: UUID,
    clip: Path,
    *assets: str,
    options: MontageOptions | None = None,
) -> Outcome:
    """The click's run of these steps, or of all; what comes before the first of them is there."""
    services = Services(settings)
    created = click(services.library, user, clip.as_uri(), options=options or MontageOptions())
    if assets and Step.CLIP_ANALYSIS not in assets:
        store_analysis(services, created, clip)
    result = run_montage(services, instance, add_partition(instance, created), *assets)
    item = item_of(services.library, user, created)
    entries = services.ledger.entries(created.request_id)
    services.close()
    return Outcome(
        success=result.success,
        retries=retries_of(result),
        status=item.status,
        error=item.error or {},
        entries=entries,
        tries=item.tries,
        warnings=item.warnings,
    )
