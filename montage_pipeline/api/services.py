"""What the routes work with: made once per process, handed to each route."""

from dataclasses import dataclass
from typing import Annotated, Self

from fastapi import Depends, Request
from sqlalchemy.engine import Engine

from montage_pipeline.api.auth import Authenticator, KnownUsers
from montage_pipeline.api.media_urls import fresh_url
from montage_pipeline.api.readiness import Readiness
from montage_pipeline.requests.database import create_engine
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.settings import Settings
from montage_pipeline.storage.object_store import ObjectStore

POOL = {"pool_size": 5, "max_overflow": 15, "pool_timeout": 10}
"""Requests run on up to 40 threads; one that gets no connection for 10 s says so, rather than keep
its client waiting.
"""


@dataclass(frozen=True)
class Services:
    """Everything behind the routes."""

    settings: Settings
    engine: Engine
    library: ContentLibrary
    known_users: KnownUsers
    store: ObjectStore
    authenticator: Authenticator
    readiness: Readiness

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Connects to nothing yet. Raises PermanentError when the configuration cannot work."""
        authenticator = Authenticator(settings)
        engine = create_engine(settings, **POOL)
        library = ContentLibrary(engine)
        store = ObjectStore.from_settings(settings)
        return cls(
            settings=settings,
            engine=engine,
            library=library,
            known_users=KnownUsers(library),
            store=store,
            authenticator=authenticator,
            readiness=Readiness(settings, store),
        )

    def fresh_url(self, stored_url: str | None) -> str | None:
        """A stored media URL as one that works now."""
        return fresh_url(stored_url, self.store)

    def close(self) -> None:
        """Give the connections back."""
        self.readiness.close()
        self.engine.dispose()


def services_of(request: Request) -> Services:
    """The services of the application that got this request."""
    services: Services = request.app.state.services
    return services


ServicesNeeded = Annotated[Services, Depends(services_of)]
