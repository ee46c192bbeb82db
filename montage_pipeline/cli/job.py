"""One Reel from the command line: insert the row, watch it, fetch what came of it.

The work itself is done by the daemon, the sensor and a run, as for any other request.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from montage_pipeline.costs.ledger import CostLedger
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.local.identity import LOCAL_USER_EMAIL, LOCAL_USER_ID
from montage_pipeline.records import Record
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.requests.model import ContentItem, CreatedRequest, NewContentItem
from montage_pipeline.requests.options import MAX_CAPTION_CHARS, MontageOptions
from montage_pipeline.settings import Settings
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.vocabulary import ContentStatus, Format, Step

_POLL_S = 0.25


class CostLine(Record):
    """One paid call; `cost_usd` keeps every digit."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    service: str
    endpoint: str
    cost_usd: Decimal


class JobOutcome(Record):
    """What `montage make` and `montage demo` report.

    Paths are of local files; `total_seconds` is from the row's insert to `draft`.
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
    warnings: tuple[str, ...] = ()
    error: dict[str, Any] | None = None


def require_files(clips: Sequence[Path]) -> None:
    """PermanentError("no_such_clip") naming every path that is no file."""
    missing = [str(path) for path in clips if not path.is_file()]
    if missing:
        raise PermanentError(ErrorCode.NO_SUCH_CLIP, f"There is no file {', '.join(missing)}.")


class LocalWishes(Record):
    """`MontageOptions` as a person at this machine gives them: clips and music are files.

    `music` may also be an https:// address.
    """

    hook_clip: Path | None = None
    must_use: tuple[Path, ...] = ()
    exclude: tuple[Path, ...] = ()
    music: str | None = None
    target_bpm: int | None = None
    captions: str | None = None

    def as_options(self) -> MontageOptions:
        """With file:// addresses.

        PermanentError: "no_such_music" when there is no such file, "caption_too_long",
        "caption_empty".
        """
        if self.captions is not None and not self.captions.strip():
            raise PermanentError(
                ErrorCode.CAPTION_EMPTY, "The caption is empty; leave --captions out for none."
            )
        if self.captions is not None and len(self.captions) > MAX_CAPTION_CHARS:
            told = f"The caption has {len(self.captions)} characters; at most {MAX_CAPTION_CHARS} are drawn."
            raise PermanentError(ErrorCode.CAPTION_TOO_LONG, told)
        return MontageOptions(
            hook_clip=None if self.hook_clip is None else _address(self.hook_clip),
            must_use=tuple(dict.fromkeys(map(_address, self.must_use))),
            exclude=tuple(dict.fromkeys(map(_address, self.exclude))),
            music_url=None if self.music is None else _music_address(self.music),
            target_bpm=self.target_bpm,
            captions=self.captions,
        )


def _address(path: Path) -> str:
    return path.resolve().as_uri()


def _music_address(music: str) -> str:
    if music.startswith(("https://", "http://", "s3://")):
        return music
    if not Path(music).is_file():
        raise PermanentError(
            ErrorCode.NO_SUCH_MUSIC,
            f"There is no file {music}. Name a music file or an https:// address.",
        )
    return _address(Path(music))


class LocalJob:
    """Requests of the local user."""

    def __init__(
        self,
        settings: Settings,
        library: ContentLibrary,
        requests: RequestLifecycle,
        ledger: CostLedger,
        store: ObjectStore,
    ) -> None:
        self._settings = settings
        self._library = library
        self._requests = requests
        self._ledger = ledger
        self._store = store

    def submit(
        self,
        clips: Sequence[Path],
        *,
        style: str,
        format: Format,
        duration_s: int,
        title: str,
        wishes: MontageOptions = MontageOptions(),
    ) -> CreatedRequest:
        """Queue a Reel from files of this machine."""
        require_files(clips)
        self._library.ensure_user(LOCAL_USER_ID, LOCAL_USER_EMAIL)
        asked = NewContentItem(
            title=title,
            clip_urls=tuple(map(_address, clips)),
            style=style,
            format=format,
            duration_s=duration_s,
            options=wishes,
        )
        return self._library.create_item(LOCAL_USER_ID, asked)

    def watch(
        self,
        created: CreatedRequest,
        on_progress: Callable[[Step | None, int], None],
        *,
        limit_s: float = 3600,
    ) -> ContentItem:
        """Poll until the item is done, saying each change; returns it as `draft` or `failed`."""
        deadline = time.monotonic() + limit_s
        shown: tuple[Step | None, int] | None = None
        while time.monotonic() < deadline:
            item = self._library.get_item(LOCAL_USER_ID, created.content_item_id)
            assert item is not None
            if (item.progress_step, item.progress_percent) != shown:
                shown = (item.progress_step, item.progress_percent)
                on_progress(*shown)
            if item.status is not ContentStatus.GENERATING:
                return item
            time.sleep(_POLL_S)
        raise MontageError(
            ErrorCode.NOT_DONE_IN_TIME,
            f"Request {created.request_id} was not done after {limit_s:.0f} s. `montage status` shows it.",
        )

    def collect(self, created: CreatedRequest, item: ContentItem) -> JobOutcome:
        """Bring the files of a finished request to `<home>/reels/<request id>/` and sum it up."""
        request = self._requests.get_request(created.request_id)
        assert request is not None
        finished_at = request.finished_at or datetime.now(UTC)
        facts: dict[str, Any] = {}
        if item.status is ContentStatus.DRAFT:
            facts = self._fetch(created.request_id)
        return JobOutcome(
            status=item.status,
            content_item_id=item.id,
            request_id=created.request_id,
            run_id=request.run_id,
            steps=request.step_seconds,
            total_seconds=round((finished_at - request.created_at).total_seconds(), 2),
            costs=tuple(
                CostLine(
                    service=entry.service.value, endpoint=entry.endpoint, cost_usd=entry.cost_usd
                )
                for entry in self._ledger.entries(created.request_id)
            ),
            warnings=item.warnings,
            error=item.error,
            **facts,
        )

    def _fetch(self, request_id: UUID) -> dict[str, Any]:
        folder = self._settings.home / "reels" / str(request_id)
        folder.mkdir(parents=True, exist_ok=True)
        work = f"work/{request_id}"
        names = {
            "video": "video.mp4",
            "poster": "poster.jpg",
            "storyboard": "storyboard.png",
            "otio": "timeline.otio",
            "timeline": f"{Step.EDIT_TIMELINE.value}.json",
            "analysis": f"{Step.CLIP_ANALYSIS.value}.json",
            "music": f"{Step.MUSIC_TRACK.value}.json",
        }
        paths = {}
        for name, file in names.items():
            paths[name] = folder / file
            self._store.download(f"{work}/{file}", paths[name])
        timeline = Timeline.model_validate_json(paths["timeline"].read_text())
        music = _json(paths.pop("music"))
        return {name: str(path.resolve()) for name, path in paths.items()} | {
            "duration_sec": round(float(timeline.duration), 3),
            "width": timeline.width,
            "height": timeline.height,
            "frames": timeline.total_frames,
            "analyst": _json(paths["analysis"])["analyst"]["name"],
            "composer": music["composer"],
        }


def _json(path: Path) -> Any:
    import json

    return json.loads(path.read_text())
