"""The graph with stand-ins for its five steps: each is taken over, held and noted as a real one is,
and does nothing, but that the render waits for `MONTAGE_BENCH_COST_S` seconds.

    python -m montage_pipeline.orchestration.servers.code_server api grpc \\
        -m benchmarks.load.standing_in …

Sensors, jobs, partitions and everything around a step are the product's own.
"""

import os
import time
from collections.abc import Iterator

import dagster as dg
from dagster import AssetExecutionContext, ResourceParam

from montage_pipeline import definitions
from montage_pipeline.composition import Services
from montage_pipeline.orchestration.assets import montage_assets
from montage_pipeline.orchestration.steps import montage_step
from montage_pipeline.requests.lifecycle import FinishedReel
from montage_pipeline.settings import Settings, get_settings
from montage_pipeline.vocabulary import Step

COST_VARIABLE = "MONTAGE_BENCH_COST_S"

_REEL = FinishedReel(media_url="m", music_url="u", poster_url="p")


def _stand_in(step: Step, real: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """A step that takes as long as it is told to, and leaves nothing but its mark on the row, and
    the checks that a run is asked for.
    """

    @dg.asset(
        name=step.value,
        deps=list(real.asset_deps[real.key]),
        partitions_def=real.partitions_def,
        check_specs=list(real.check_specs),
    )
    def standing_in(
        context: AssetExecutionContext, services: ResourceParam[Services]
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        with montage_step(context, services) as scope:
            if step is Step.RENDERED_VIDEO:
                time.sleep(float(os.environ[COST_VARIABLE]))
            if step is Step.R2_OBJECT and not services.requests.succeed(
                scope.request.id, scope.run_id, _REEL
            ):
                raise RuntimeError(f"{scope.request.id} is another run's, or was delivered before")
        yield dg.MaterializeResult()
        for spec in real.check_specs:
            yield dg.AssetCheckResult(passed=True, check_name=spec.name)

    return standing_in


def _steps(settings: Settings) -> list[dg.AssetsDefinition]:
    return [_stand_in(Step(real.key.path[-1]), real) for real in montage_assets(settings)]


vars(definitions)["montage_assets"] = _steps
defs = definitions.build_definitions(get_settings())
