"""The application, assembled once: `uvicorn --factory montage_pipeline.api.app:create_app`."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware

from montage_pipeline import logs, tracing
from montage_pipeline.api.errors import install_error_handlers
from montage_pipeline.api.limits.rate_limits import SharedRateLimiter
from montage_pipeline.api.openapi import DESCRIPTION, describe
from montage_pipeline.api.query_params import refuse_unknown_params
from montage_pipeline.api.request_frame import REQUEST_ID_HEADER, FrameLimits, RequestFrame
from montage_pipeline.api.routes import (
    artefacts,
    changes,
    content_items,
    costs,
    events,
    health,
    item_edits,
    metrics,
    multipart_uploads,
    options,
    uploads,
    variants,
    webhooks,
)
from montage_pipeline.api.schemas.requests import MAX_URL_CHARS
from montage_pipeline.api.services import ApiServices
from montage_pipeline.api.studio import pages
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.requests.segment_changes.model import MAX_CHANGES
from montage_pipeline.settings import Settings, get_settings

_BODY_WITHOUT_URLS_BYTES = 16_384
"""More than title, caption and field names take, even with every character escaped."""

_VALUES_BESIDE_URLS = 100 + 6 * MAX_CHANGES
"""More fields than any body has, the longest list of changes included; one clip too many is still
told as that.
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The API with everything it needs, from the environment unless `settings` are given.

    Raises PermanentError when the configuration cannot work: no database, no object store, no safe
    way to check tokens.
    """
    settings = settings or get_settings()
    logs.configure(settings)
    tracing.configure(settings, "montage-api")
    services = ApiServices.from_settings(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        services.background.start()
        yield
        await services.close()

    app = FastAPI(
        title="Montage API",
        description=DESCRIPTION,
        version=version("montage-pipeline"),
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    for routes in (
        content_items,
        item_edits,
        events,
        artefacts,
        variants,
        changes,
        webhooks,
        multipart_uploads,
        uploads,
        options,
        costs,
    ):
        app.include_router(routes.router, dependencies=[Depends(refuse_unknown_params)])
    app.include_router(health.router)
    app.include_router(metrics.router(settings))
    app.include_router(pages.router(settings))
    install_error_handlers(app)
    # The last one added is the outermost: a browser may read every answer, the frame's included.
    limits = _limits(settings, services.address_limiter)
    app.add_middleware(RequestFrame, limits=limits, note=services.http_metrics.note)
    if origins := _origins(settings.api_cors_origins):
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["DELETE", "GET", "PATCH", "POST", "PUT"],
            allow_headers=[
                "Authorization",
                "Content-Type",
                "Idempotency-Key",
                "Last-Event-ID",
                REQUEST_ID_HEADER,
            ],
            expose_headers=["Location", "Retry-After", "Idempotent-Replay", REQUEST_ID_HEADER],
        )
    describe(app, settings)
    return app


def _limits(settings: Settings, addresses: SharedRateLimiter) -> FrameLimits:
    # Every clip in `clipUrls`, `mustUse` and `exclude`; one more each as `hookClip` and `musicUrl`.
    urls = 3 * settings.max_clips + 2
    return FrameLimits(
        max_body_bytes=_BODY_WITHOUT_URLS_BYTES + urls * MAX_URL_CHARS,
        max_values=urls + _VALUES_BESIDE_URLS,
        addresses=addresses,
    )


def _origins(comma_separated: str) -> list[str]:
    origins = [origin.strip() for origin in comma_separated.split(",") if origin.strip()]
    for origin in origins:
        if origin != "*" and not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?", origin):
            raise PermanentError(
                ErrorCode.CORS_ORIGIN_INVALID,
                f"MONTAGE_API_CORS_ORIGINS: {origin!r} is not an origin; write scheme and host "
                "only, as in https://app.example.com",
            )
    return origins
