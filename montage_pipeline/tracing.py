"""Traces, where OTEL_EXPORTER_OTLP_ENDPOINT names a collector: one for each click, with the API's
request, every step, and every paid call in it.

The trace begins with the API's request; its id lies on the row of the request that was made
(`traceparent`, as W3C Trace Context has it), and the steps go on from there, in whatever process
and on whatever machine they run. Without a collector nothing of this costs anything.
"""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import context, propagate, trace

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.settings import Settings

_TRACER = "montage_pipeline"
_FLUSH_MS = 3000
"""A collector that is away holds a step up no longer."""


class _State:
    provider: Any = None
    """The SDK's, once traces are sent."""


def configure(settings: Settings, service: str) -> None:
    """Send traces as the settings say, once per process. `service` is what the process is shown as.

    Raises PermanentError(BAD_SETTING) when the packages for it are not installed.
    """
    if not settings.otlp_endpoint or _State.provider is not None:
        return
    if importlib.util.find_spec("opentelemetry.sdk") is None:
        raise PermanentError(
            ErrorCode.BAD_SETTING,
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and what sends traces is not installed: "
            'pip install "montage-pipeline[otel]", or unset it.',
        )
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    endpoint = settings.otlp_endpoint.rstrip("/") + "/v1/traces"
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    _State.provider = provider


@contextmanager
def span(name: str, **attributes: str | int | float | None) -> Iterator[None]:
    """What happens inside, as a part of whatever it is done for. An error is noted by its type and
    not by its words, which may hold what users typed.
    """
    if _State.provider is None:
        yield
        return
    known = {f"montage.{key}": value for key, value in attributes.items() if value is not None}
    tracer = _State.provider.get_tracer(_TRACER)
    with tracer.start_as_current_span(
        name, attributes=known, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield
        except BaseException as error:
            code = getattr(error, "code", None)
            current.set_status(trace.StatusCode.ERROR, str(code or type(error).__name__))
            raise


@contextmanager
def continued(traceparent: str | None) -> Iterator[None]:
    """Go on with a trace that another process began."""
    if _State.provider is None or traceparent is None:
        yield
        return
    token = context.attach(propagate.extract({"traceparent": traceparent}))
    try:
        yield
    finally:
        context.detach(token)


def current_traceparent() -> str | None:
    """What another process goes on from; None where there is no trace."""
    if _State.provider is None:
        return None
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent")


def note(**attributes: str | int | None) -> None:
    """Say something of the part that is under way."""
    if _State.provider is not None:
        for key, value in attributes.items():
            if value is not None:
                trace.get_current_span().set_attribute(f"montage.{key}", value)


def flush() -> None:
    """Send what is finished: a run's process ends without waiting for threads."""
    if _State.provider is not None:
        _State.provider.force_flush(_FLUSH_MS)
