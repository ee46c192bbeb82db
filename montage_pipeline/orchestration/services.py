"""What the assets work with, made from the settings when it is first needed.

Imports of the heavy rooms stay inside the methods: the code server, the daemon's sensors and the UI
load
this module and never open a video.
"""

from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from montage_pipeline.settings import Settings, get_settings

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from montage_pipeline.analysis.analyst import Analyst
    from montage_pipeline.costs.ledger import CostLedger
    from montage_pipeline.footage.fetching.fetch import ClipFetcher
    from montage_pipeline.music.composer import Composer
    from montage_pipeline.rendering.model import RenderEngine
    from montage_pipeline.rendering.video.chunks.store import ObjectChunkStore
    from montage_pipeline.requests.lifecycle import RequestLifecycle
    from montage_pipeline.requests.model import MontageRequest
    from montage_pipeline.requests.seen import SeenFootage
    from montage_pipeline.storage.object_store import ObjectStore


class Services:
    """The product's parts, wired by one Settings object."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings

    @cached_property
    def settings(self) -> Settings:
        """The settings given, or those of the environment."""
        return self._settings or get_settings()

    @cached_property
    def engine(self) -> "Engine":
        """The product's database."""
        from montage_pipeline.requests.database import create_engine

        return create_engine(self.settings)

    @cached_property
    def requests(self) -> "RequestLifecycle":
        """Requests, and every change of their states."""
        from montage_pipeline.requests.lifecycle import RequestLifecycle

        return RequestLifecycle(self.engine)

    @cached_property
    def seen(self) -> "SeenFootage":
        """What delivered Reels showed."""
        from montage_pipeline.requests.seen import SeenFootage

        return SeenFootage(self.engine)

    @cached_property
    def ledger(self) -> "CostLedger":
        """Paid calls."""
        from montage_pipeline.costs.ledger import CostLedger

        return CostLedger(self.engine)

    @cached_property
    def store(self) -> "ObjectStore":
        """The object store."""
        from montage_pipeline.storage.object_store import ObjectStore

        return ObjectStore.from_settings(self.settings)

    @cached_property
    def fetcher(self) -> "ClipFetcher":
        """Clips by URL, with the local cache in front."""
        from montage_pipeline.footage.fetching.fetch import ClipFetcher

        return ClipFetcher(self.settings, self.store, self.settings.home / "clips")

    @property
    def scratch(self) -> Path:
        """Parent of the short-lived folders of running steps."""
        path = self.settings.home / "scratch"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def analyst(self, request: "MontageRequest", run_id: str) -> "Analyst":
        """Who analyses the clips, as configured; never chosen in silence."""
        if self.settings.analyst_used == "claude":
            from montage_pipeline.analysis.claude.analyst import ClaudeAnalyst
            from montage_pipeline.analysis.claude.call import Payer

            payer = Payer(request.user_id, request.id, run_id)
            return ClaudeAnalyst(self.settings, self.ledger, self.store, payer)
        from montage_pipeline.analysis.local import LocalAnalyst

        return LocalAnalyst(self.settings)

    def composer(self) -> "Composer":
        """Who composes the music, as configured; never chosen in silence."""
        if self.settings.composer_used == "fal":
            from montage_pipeline.music.fal.composer import FalComposer

            return FalComposer(self.settings, self.ledger)
        from montage_pipeline.music.synth.composer import LocalComposer

        return LocalComposer()

    def render_engine(self) -> "RenderEngine":
        """Who renders, as configured."""
        from montage_pipeline.rendering.engines import engine_for

        return engine_for(self.settings, self.chunks if self.settings.chunks_max_bytes else None)

    @cached_property
    def chunks(self) -> "ObjectChunkStore":
        """Rendered segments kept for later renders."""
        from montage_pipeline.rendering.video.chunks.store import ObjectChunkStore

        return ObjectChunkStore(
            self.store,
            self.settings.chunks_max_bytes,
            timedelta(days=self.settings.chunks_max_days),
        )
