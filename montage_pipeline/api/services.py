"""What the routes work with: made once per process, handed to each route."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Self
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy.engine import Engine

from montage_pipeline.api.auth import Authenticator, KnownUsers
from montage_pipeline.api.background.purging import abort_old_uploads, purge
from montage_pipeline.api.background.thread import Background
from montage_pipeline.api.background.webhooks import WebhookSender
from montage_pipeline.api.limits.call_rates import CallRates
from montage_pipeline.api.limits.rate_limits import SharedRateLimiter
from montage_pipeline.api.limits.streams import StreamLimiter
from montage_pipeline.api.media_urls import fresh_url
from montage_pipeline.api.readiness import Readiness
from montage_pipeline.composition import Services
from montage_pipeline.metrics.http import HttpMetrics
from montage_pipeline.requests.changes import ItemChanges
from montage_pipeline.requests.deletion import purge_due
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.requests.segment_changes.model import SegmentChange
from montage_pipeline.requests.segment_changes.outcome import ChangeOutcome
from montage_pipeline.requests.webhooks.targets import Webhooks
from montage_pipeline.settings import Settings
from montage_pipeline.storage.object_store import ObjectStore

POOL = {"pool_size": 5, "max_overflow": 15, "pool_timeout": 10}
"""SQLAlchemy's pool. Routes run on up to 40 threads, and one that cannot get a connection within
10 s had better say so than keep its client waiting.
"""


@dataclass(frozen=True)
class ApiServices:
    """What the API uses of the product, and what it alone needs."""

    settings: Settings
    engine: Engine
    library: ContentLibrary
    requests: RequestLifecycle
    store: ObjectStore
    reel_store: ObjectStore
    known_users: KnownUsers
    authenticator: Authenticator
    readiness: Readiness
    changes: ItemChanges
    webhooks: Webhooks
    background: Background
    user_limiter: SharedRateLimiter
    address_limiter: SharedRateLimiter
    rates: CallRates
    streams: StreamLimiter
    change_outcome: Callable[[UUID, Sequence[SegmentChange]], ChangeOutcome]
    http_metrics: HttpMetrics

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Connects to nothing yet. Raises PermanentError when the configuration cannot work."""
        product = Services(settings, engine_options=POOL)

        rates = CallRates(product.engine)
        per_user = settings.api_user_requests_per_minute
        per_address = settings.api_address_requests_per_minute

        def purging() -> bool:
            stores = {product.store, product.reel_store}
            purge_due(product.engine, lambda prefix: all(purge(at, prefix) for at in stores))
            rates.forget_old()
            return False

        def aborting() -> bool:
            abort_old_uploads(product.store)
            return False

        return cls(
            settings=settings,
            authenticator=Authenticator(settings),
            engine=product.engine,
            library=product.library,
            requests=product.requests,
            store=product.store,
            reel_store=product.reel_store,
            known_users=KnownUsers(product.library),
            readiness=Readiness(settings, product.store),
            changes=ItemChanges(settings),
            webhooks=Webhooks(product.engine),
            background=Background(
                [purging, aborting, WebhookSender(settings, product.engine).send_due]
            ),
            user_limiter=SharedRateLimiter("user", per_user, rates),
            address_limiter=SharedRateLimiter("address", per_address, rates),
            rates=rates,
            streams=StreamLimiter(settings.api_user_event_streams),
            change_outcome=product.change_outcome,
            http_metrics=HttpMetrics(),
        )

    def fresh_url(self, stored_url: str | None) -> str | None:
        """A stored media URL as one that works now."""
        return fresh_url(stored_url, self.store)

    async def close(self) -> None:
        """Stop what goes on, and give the connections back."""
        await asyncio.to_thread(self.background.close)
        await self.changes.close()
        self.readiness.close()
        self.engine.dispose()


def services_of(request: Request) -> ApiServices:
    """The services of the application that got this request."""
    services: ApiServices = request.app.state.services
    return services


ServicesNeeded = Annotated[ApiServices, Depends(services_of)]
