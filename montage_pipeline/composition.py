"""The composition root: everything the product works with, made from one Settings object.

The command line, the API and the assets all start here, so that each thing is wired in one place.
Everything is made when it is first needed, and the heavy rooms are imported inside the methods: the
code server, the daemon's sensors, the UI and the API load this module and never open a video.

Belongs here: which class is used, and what it is given. Does not belong here: what only one of the
three needs, such as the API's authenticator (`api.services`).
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from montage_pipeline.settings import Settings

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.engine import Engine

    from montage_pipeline.analysis.analyst import Analyst, Onlooker
    from montage_pipeline.analysis.scan.kept import KeptMeasures
    from montage_pipeline.costs.ledger import CostLedger
    from montage_pipeline.editing.changing.room import EditRoom
    from montage_pipeline.footage.fetching.fetch import ClipFetcher
    from montage_pipeline.music.composer import Composer
    from montage_pipeline.rendering.model import RenderEngine
    from montage_pipeline.rendering.video.chunks.store import ObjectChunkStore
    from montage_pipeline.requests.attempts.heartbeats import RunHeartbeats
    from montage_pipeline.requests.attempts.tries import StepTries
    from montage_pipeline.requests.library import ContentLibrary
    from montage_pipeline.requests.lifecycle import RequestLifecycle
    from montage_pipeline.requests.model import MontageRequest
    from montage_pipeline.requests.queue.turns import Turns
    from montage_pipeline.requests.reuse.kept import KeptValues
    from montage_pipeline.requests.seen import SeenFootage
    from montage_pipeline.requests.segment_changes.model import SegmentChange
    from montage_pipeline.requests.segment_changes.outcome import ChangeOutcome
    from montage_pipeline.storage.object_store import ObjectStore


class Services:
    """The product, wired by one Settings object. Connects to nothing until something is used.

    `engine_options` are SQLAlchemy's, for a process that needs more than a run: a larger pool, say.
    """

    def __init__(
        self, settings: Settings, *, engine_options: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        self.settings = settings
        self._engine_options = engine_options

    @cached_property
    def engine(self) -> "Engine":
        """The product's database. PermanentError(NO_DATABASE) when the settings name none."""
        from montage_pipeline.requests.database import create_engine

        return create_engine(self.settings, **self._engine_options)

    @cached_property
    def library(self) -> "ContentLibrary":
        """Users and their content items."""
        from montage_pipeline.requests.library import ContentLibrary

        return ContentLibrary(self.engine)

    @cached_property
    def requests(self) -> "RequestLifecycle":
        """Requests in the pipeline, and every change of their states."""
        from montage_pipeline.requests.lifecycle import RequestLifecycle

        return RequestLifecycle(self.engine)

    @cached_property
    def turns(self) -> "Turns":
        """Which requests start next."""
        from montage_pipeline.requests.queue.turns import Limits, Turns

        limits = Limits(self.settings.max_running, self.settings.max_running_per_user)
        return Turns(self.engine, limits)

    @cached_property
    def tries(self) -> "StepTries":
        """The tries of requests' steps that failed."""
        from montage_pipeline.requests.attempts.tries import StepTries

        return StepTries(self.engine)

    @cached_property
    def heartbeats(self) -> "RunHeartbeats":
        """Which runs live; over a connection of its own, which no other work can hold up."""
        from montage_pipeline.requests.attempts.heartbeats import RunHeartbeats
        from montage_pipeline.requests.database import create_heartbeat_engine

        return RunHeartbeats(create_heartbeat_engine(self.settings))

    @cached_property
    def seen(self) -> "SeenFootage":
        """What delivered Reels showed."""
        from montage_pipeline.requests.seen import SeenFootage

        return SeenFootage(self.engine)

    @cached_property
    def kept(self) -> "KeptValues":
        """Which values of earlier requests may be used again."""
        from montage_pipeline.requests.reuse.kept import KeptValues

        return KeptValues(self.engine)

    @cached_property
    def ledger(self) -> "CostLedger":
        """Paid calls, within the budgets of the settings."""
        from montage_pipeline.costs.budgets import Limits
        from montage_pipeline.costs.ledger import CostLedger

        return CostLedger(self.engine, Limits.of(self.settings))

    @cached_property
    def store(self) -> "ObjectStore":
        """The private bucket of the object store.

        PermanentError(STORE_NOT_CONFIGURED) when the settings name none.
        """
        from montage_pipeline.storage.object_store import ObjectStore

        return ObjectStore.from_settings(self.settings)

    @cached_property
    def reel_store(self) -> "ObjectStore":
        """Where finished Reels lie: a bucket that everybody may read, if there is one."""
        from montage_pipeline.storage.object_store import ObjectStore

        return (
            ObjectStore.for_reels(self.settings) if self.settings.r2_public_bucket else self.store
        )

    @cached_property
    def fetcher(self) -> "ClipFetcher":
        """Clips by URL, behind the local cache."""
        from montage_pipeline.footage.fetching.fetch import ClipFetcher

        return ClipFetcher(self.settings, self.store, self.settings.home / "clips")

    @cached_property
    def chunks(self) -> "ObjectChunkStore":
        """Encoded segments kept for later renders."""
        from montage_pipeline.rendering.video.chunks.store import ObjectChunkStore

        return ObjectChunkStore(
            self.store,
            self.settings.chunks_max_bytes,
            timedelta(days=self.settings.chunks_max_days),
        )

    def edit_room(self, request_id: "UUID") -> "EditRoom":
        """What may become of the edit of a request.

        Raises PermanentError(CHANGES_UNAVAILABLE) when that is not known, or no longer.
        """
        from montage_pipeline.editing.changing.room import EditRoom
        from montage_pipeline.errors import ErrorCode, PermanentError
        from montage_pipeline.records import read_document
        from montage_pipeline.storage.keys import edit_room_key

        try:
            stored = self.store.get_bytes(edit_room_key(request_id))
            return read_document(EditRoom, stored, "edit_timeline")
        except PermanentError as error:
            if error.code not in (ErrorCode.STORE_MISSING, ErrorCode.DOCUMENT_SCHEMA):
                raise
            raise PermanentError(
                ErrorCode.CHANGES_UNAVAILABLE,
                f"The edit of request {request_id} cannot be changed: it was made by another "
                "release, or its files have expired.",
            ) from error

    def change_outcome(
        self, request_id: "UUID", changes: "Sequence[SegmentChange]"
    ) -> "ChangeOutcome":
        """What changes of the edit of a request would come to; nothing is made or bought.

        Raises PermanentError CHANGE_IMPOSSIBLE, SEGMENT_LOCKED or CHANGES_UNAVAILABLE.
        """
        from montage_pipeline.editing.changing.outcome import outcome_of
        from montage_pipeline.requests.segment_changes.model import changed_music

        room = self.edit_room(request_id)
        outcome = outcome_of(room, changes)
        music = changed_music(tuple(changes))
        if music is None or music.url is not None or self.settings.composer_used != "fal":
            return outcome
        from montage_pipeline.music.fal.order import list_price_usd

        duration_s = sum(segment.frames for segment in room.segments) / room.rate
        price_usd = list_price_usd(duration_s, self.settings.fal_music_model)
        return outcome.model_copy(update={"cost_usd": price_usd})

    @property
    def scratch(self) -> Path:
        """Parent of the short-lived folders of running steps."""
        path = self.settings.home / "scratch"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def analyst(self, request: "MontageRequest", run_id: str, onlooker: "Onlooker") -> "Analyst":
        """Who analyses the clips: the configured one, with no silent fallback."""
        kept = self._kept_measures(request.user_id)
        if self.settings.analyst_used == "claude":
            from montage_pipeline.analysis.claude.analyst import ClaudeAnalyst
            from montage_pipeline.analysis.claude.body import Wish
            from montage_pipeline.analysis.claude.call import Payer

            payer = Payer(request.user_id, request.id, run_id)
            wish = Wish(request.format, request.options.prompt or "")
            return ClaudeAnalyst(
                self.settings,
                self.ledger,
                self.store,
                payer,
                wish=wish,
                onlooker=onlooker,
                reuse=True,
                kept=kept,
            )
        from montage_pipeline.analysis.local import LocalAnalyst

        return LocalAnalyst(self.settings, onlooker=onlooker, kept=kept)

    def _kept_measures(self, user_id: "UUID") -> "KeptMeasures | None":
        """What was measured in the user's clips, unless none is to be kept."""
        if not self.settings.measures_max_days:
            return None
        from montage_pipeline.analysis.scan.kept import KeptMeasures

        return KeptMeasures(self.store, user_id)

    def composer(self) -> "Composer":
        """Who composes the music: the configured one, with no silent fallback."""
        if self.settings.composer_used == "fal":
            from montage_pipeline.music.fal.composer import FalComposer

            return FalComposer(self.settings, self.ledger)
        from montage_pipeline.music.synth.composer import LocalComposer

        return LocalComposer()

    def render_engine(self, *, draft: bool = False) -> "RenderEngine":
        """Who renders: the configured engine, with the kept chunks unless none are to be kept; as a
        draft, whatever quality the settings ask for.
        """
        from montage_pipeline.rendering.engines import engine_for

        settings = self.settings
        if draft:
            settings = settings.model_copy(update={"render_quality": "draft"})
        return engine_for(settings, self.chunks if settings.chunks_max_bytes else None)

    def close(self) -> None:
        """Give the database connections back, if any were made."""
        if "engine" in self.__dict__:
            self.engine.dispose()
        if "heartbeats" in self.__dict__:
            self.heartbeats.close()
