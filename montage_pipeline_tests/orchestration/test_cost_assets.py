"""The cost tables are the ledger, summed exactly, where analysts can download them."""

from decimal import Decimal
from uuid import UUID

import dagster as dg

from montage_pipeline.composition import Services
from montage_pipeline.costs.ledger import PaidCall, fingerprint_of, log_cost
from montage_pipeline.definitions import build_definitions
from montage_pipeline.orchestration.documents import TableIOManager
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.vocabulary import Service
from montage_pipeline_tests.clicks import click


def test_the_cost_tables_are_the_ledger(
    services: Services, library: ContentLibrary, instance: dg.DagsterInstance, user: UUID
) -> None:
    created = click(library, user)
    amounts = {Service.CLAUDE: Decimal("0.0251000001"), Service.FAL: Decimal("0.01")}
    for service, amount in amounts.items():
        call = PaidCall(
            user_id=user,
            service=service,
            endpoint="/v1",
            montage_request_id=created.request_id,
            run_id="run",
            asset="clip_analysis",
            fingerprint=fingerprint_of(service.value),
        )
        log_cost(services.ledger, call, cost_usd=amount, usage={}, price_version="v")
    result = (
        build_definitions(services.settings)
        .resolve_job_def("cost_reports")
        .execute_in_process(instance=instance)
    )
    for asset in ("api_costs_by_day", "api_costs_by_user"):
        [event] = result.asset_materializations_for_node(asset)
        assert event.metadata["dagster/row_count"].value == 2
        assert event.metadata["calls"].value == 2
        assert isinstance(event.metadata["preview"], dg.TableMetadataValue)
        table = TableIOManager(services).load_input(
            dg.build_input_context(asset_key=dg.AssetKey(asset))
        )
        assert dict(zip(table["service"], table["cost_usd"], strict=True)) == {
            service.value: amount for service, amount in amounts.items()
        }


def test_empty_tables_materialise_too(services: Services, instance: dg.DagsterInstance) -> None:
    assert (
        build_definitions(services.settings)
        .resolve_job_def("cost_reports")
        .execute_in_process(instance=instance)
        .success
    )
