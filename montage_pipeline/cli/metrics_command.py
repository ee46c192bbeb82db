"""`montage metrics`: the pipeline's metrics, for Prometheus."""

from typing import Annotated

import typer
from rich.console import Console

from montage_pipeline.cli.system import running_database
from montage_pipeline.cli.terminal import say


def metrics(
    once: Annotated[
        bool, typer.Option("--once", help="Print how things stand now, and end.")
    ] = False,
) -> None:
    """Serve the pipeline's metrics at MONTAGE_METRICS_HOST:MONTAGE_METRICS_PORT, for Prometheus.

    One of it is enough, wherever it reaches the database: two would count everything twice.
    """
    from montage_pipeline.metrics.pipeline import PipelineMetrics
    from montage_pipeline.metrics.serving import MetricsServer, exposition

    with running_database() as services:
        pipeline = PipelineMetrics(services.engine)
        pipeline.update()
        if once:
            print(exposition(pipeline.registry).decode(), end="")  # noqa: T201
            return
        settings = services.settings
        server = MetricsServer(settings, pipeline.registry, pipeline.update)
        say(Console(), f"Metrics at http://{settings.metrics_host}:{server.port}/metrics")
        server.serve()
