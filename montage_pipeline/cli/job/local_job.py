"""One Reel from the command line: insert the row, watch it, fetch what came of it.

The work itself is done by the daemon, the sensor and a run, as for any other request.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from montage_pipeline.cli.interrupts import raise_if_asked
from montage_pipeline.cli.job.order import LocalOrder
from montage_pipeline.composition import Services
from montage_pipeline.errors import ErrorCode, MontageError
from montage_pipeline.local.identity import LOCAL_USER_EMAIL, LOCAL_USER_ID
from montage_pipeline.records import Record, read_document
from montage_pipeline.requests.footage import ClipReport
from montage_pipeline.requests.model import (
    ContentItem,
    CreatedRequest,
    MontageRequest,
    NewContentItem,
    WantedChanges,
)
from montage_pipeline.requests.options import MontageOptions
from montage_pipeline.requests.variants.choosing import Choice, PlanChooser
from montage_pipeline.requests.variants.model import ChosenPlan, PlanVariants
from montage_pipeline.storage.keys import (
    document_key,
    edit_key,
    format_place,
    poster_key,
    storyboard_key,
    variant_place,
    variants_key,
    video_key,
)
from montage_pipeline.vocabulary import ContentStatus, Format, Step

_POLL_INTERVAL_S = 0.25
"""Quick enough for a progress bar; each poll is one query on this machine."""

_MAX_TIMING_S = 5.0
"""A step's seconds are noted right after it, by a process that may be busy."""

_MAX_WATCH_S = 3600.0
"""Twice as long as a run may last."""


class Progressed(NamedTuple):
    """How far a request is; `detail` says in words what its step is at."""

    step: Step | None
    percent: int
    detail: str = ""


class PlannedEdits(NamedTuple):
    """The edits of a plan: a storyboard by the number of each, and why there are not more."""

    storyboards: dict[int, Path]
    notes: tuple[str, ...]


class CostLine(Record):
    """One paid call; `cost_usd` keeps every digit."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    service: str
    endpoint: str
    cost_usd: Decimal


class JobOutcome(Record):
    """What `montage make` and `montage demo` report.

    Paths are of local files; `total_seconds` is from the row's insert to `draft`. `formats` are
    the files in further formats.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    status: ContentStatus
    content_item_id: UUID
    request_id: UUID
    run_id: str | None
    video: str | None = None
    poster: str | None = None
    storyboard: str | None = None
    otio: str | None = None
    formats: dict[Format, str] = Field(default_factory=dict)
    timeline: str | None = None
    analysis: str | None = None
    duration_sec: float | None = None
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    analyst: str | None = None
    composer: str | None = None
    steps: dict[str, float]
    total_seconds: float
    costs: tuple[CostLine, ...]
    clips: tuple[ClipReport, ...] = ()
    warnings: tuple[str, ...] = ()
    error: dict[str, Any] | None = None


class LocalJob:
    """Requests of the local user."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @property
    def home(self) -> Path:
        """Where this installation keeps its state."""
        return self._services.settings.home

    def submit(self, item: NewContentItem) -> CreatedRequest:
        """Queue a Reel."""
        library = self._services.library
        library.ensure_user(LOCAL_USER_ID, LOCAL_USER_EMAIL)
        return library.create_item(LOCAL_USER_ID, item)

    def watch(
        self, created: CreatedRequest, on_progress: Callable[[Progressed], None]
    ) -> ContentItem:
        """Poll until the item is `draft` or `failed`, reporting each change; returns the item.

        Raises MontageError(NOT_DONE_IN_TIME) after an hour.
        """
        deadline_s = time.monotonic() + _MAX_WATCH_S
        shown: Progressed | None = None
        while time.monotonic() < deadline_s:
            item = self._services.library.get_item(LOCAL_USER_ID, created.content_item_id)
            assert item is not None
            now = Progressed(item.progress_step, item.progress_percent, item.progress_detail or "")
            if now != shown:
                on_progress(shown := now)
            if item.status is not ContentStatus.GENERATING:
                return item
            time.sleep(_POLL_INTERVAL_S)
            raise_if_asked()
        raise MontageError(
            ErrorCode.NOT_DONE_IN_TIME,
            f"Request {created.request_id} was not done after {_MAX_WATCH_S:.0f} s. "
            "`montage status` shows it.",
        )

    def cancel(self, created: CreatedRequest) -> bool:
        """Nobody waits for the Reel any more; False when it is done already."""
        return self._services.requests.withdraw(created.request_id)

    def collect(self, created: CreatedRequest, item: ContentItem) -> JobOutcome:
        """Bring the files of a finished request to `<home>/reels/<request id>/` and sum it up."""
        reel: dict[str, Any] = {}
        request = self._timed(created, done=item.status is ContentStatus.DRAFT)
        finished_at = request.finished_at or datetime.now(UTC)
        if item.status is ContentStatus.DRAFT:
            reel = self._fetch(created.request_id, request.options)
        return JobOutcome(
            status=item.status,
            content_item_id=item.id,
            request_id=created.request_id,
            run_id=request.run_id,
            steps=request.step_seconds,
            total_seconds=round((finished_at - request.created_at).total_seconds(), 2),
            costs=self._costs(created.request_id),
            clips=item.clips,
            warnings=item.warnings,
            error=item.error,
            **reel,
        )

    def _timed(self, created: CreatedRequest, *, done: bool) -> MontageRequest:
        """The request, with the seconds of its last step, which follow the finished Reel."""
        deadline_s = time.monotonic() + _MAX_TIMING_S
        while True:
            request = self._services.requests.get_request(created.request_id)
            assert request is not None
            timed = Step.R2_OBJECT.value in request.step_seconds
            if timed or not done or time.monotonic() > deadline_s:
                return request
            time.sleep(_POLL_INTERVAL_S)
            raise_if_asked()

    def _costs(self, request_id: UUID) -> tuple[CostLine, ...]:
        return tuple(
            CostLine(service=entry.service.value, endpoint=entry.endpoint, cost_usd=entry.cost_usd)
            for entry in self._services.ledger.entries(request_id)
        )

    def planned(self, created: CreatedRequest) -> PlannedEdits:
        """Bring the storyboards of a plan to `<home>/reels/<request id>/`."""
        stored = self._services.store.get_bytes(variants_key(created.request_id))
        plan = read_document(PlanVariants, stored, Step.EDIT_TIMELINE)
        storyboards = {}
        for facts in plan.variants:
            place = variant_place(created.request_id, facts.variant)
            path = self._folder(created.request_id) / f"storyboard-{facts.variant}.png"
            self._services.store.download(storyboard_key(place), path)
            storyboards[facts.variant] = path
        return PlannedEdits(storyboards, plan.notes)

    def choose(self, planned: CreatedRequest, variant: int, order: LocalOrder) -> CreatedRequest:
        """Queue the render of one variant of a plan, as the order has it."""
        plan = ChosenPlan(request_id=planned.request_id, variant=variant)
        chooser = PlanChooser(self._services.engine, self._services.library)
        choice = Choice(plan, order.preview, order.formats)
        return chooser.choose(LOCAL_USER_ID, planned.content_item_id, choice)

    def change(self, content_item_id: UUID, wanted: WantedChanges) -> CreatedRequest:
        """Queue the item's Reel with these changes of its edit."""
        library = self._services.library
        return library.request_again(LOCAL_USER_ID, content_item_id, changes=wanted)

    def _fetch(self, request_id: UUID, options: MontageOptions) -> dict[str, Any]:
        """Download a Reel's files; the fields of `JobOutcome` that are about them."""
        from montage_pipeline.analysis.model import ClipAnalysis
        from montage_pipeline.editing.timeline import Timeline
        from montage_pipeline.music.model import MusicTrack

        paths = self._download(
            request_id,
            video=video_key(request_id),
            poster=poster_key(request_id),
            storyboard=storyboard_key(request_id),
            otio=edit_key(request_id),
            timeline=document_key(request_id, Step.EDIT_TIMELINE),
            analysis=document_key(request_id, Step.CLIP_ANALYSIS),
            music=document_key(request_id, Step.MUSIC_TRACK),
        )
        timeline = read_document(Timeline, paths["timeline"].read_bytes(), Step.EDIT_TIMELINE)
        analysis = read_document(ClipAnalysis, paths["analysis"].read_bytes(), Step.CLIP_ANALYSIS)
        # Beside the timeline, where `montage export` looks for it; no field names it.
        music = read_document(MusicTrack, paths.pop("music").read_bytes(), Step.MUSIC_TRACK)
        size = timeline.format.preview_size if options.preview else timeline.format.frame_size
        return {name: str(path) for name, path in paths.items()} | {
            "formats": self._fetch_formats(request_id, options),
            "duration_sec": round(float(timeline.duration), 3),
            "width": size.width,
            "height": size.height,
            "frames": timeline.total_frames,
            "analyst": analysis.analyst.name,
            "composer": music.composer,
        }

    def _fetch_formats(self, request_id: UUID, options: MontageOptions) -> dict[Format, str]:
        """The files in further formats, each named after its own."""
        paths = {shape: self._folder(request_id) / f"{shape}.mp4" for shape in options.formats}
        for shape, path in paths.items():
            self._services.store.download(video_key(format_place(request_id, shape)), path)
        return {shape: str(path) for shape, path in paths.items()}

    def _folder(self, request_id: UUID) -> Path:
        folder = self._services.settings.home.resolve() / "reels" / str(request_id)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _download(self, request_id: UUID, **keys: str) -> dict[str, Path]:
        folder, paths = self._folder(request_id), {}
        for name, key in keys.items():
            paths[name] = folder / Path(key).name
            self._services.store.download(key, paths[name])
        return paths
