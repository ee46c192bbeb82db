"""The API's own metrics, for Prometheus: not for users, so not in the OpenAPI document."""

from typing import Annotated

from fastapi import APIRouter, Header, Response

from montage_pipeline.api.auth import unauthenticated
from montage_pipeline.api.services import ServicesNeeded
from montage_pipeline.errors import ErrorCode
from montage_pipeline.metrics.serving import CONTENT_TYPE, exposition, may_read
from montage_pipeline.settings import Settings


def router(settings: Settings) -> APIRouter:
    """`/metrics`, where there is a token for it; without one there is no such route."""
    routes = APIRouter(include_in_schema=False)
    token = settings.metrics_token.get_secret_value()
    if token:

        @routes.get("/metrics")
        def get_metrics(
            services: ServicesNeeded, authorization: Annotated[str, Header()] = ""
        ) -> Response:
            if not may_read(token, authorization):
                raise unauthenticated(
                    ErrorCode.UNAUTHENTICATED, "Send MONTAGE_METRICS_TOKEN as a bearer token."
                )
            return Response(exposition(services.http_metrics.registry), media_type=CONTENT_TYPE)

    return routes
