"""The composer that buys music from fal.ai, at most once per request, whatever breaks on the way.

Order of things: a pending ledger row, the POST, fal's request id on the row, polling, the file on
this disk, the price on the row. An attempt that dies anywhere leaves a row from which the next one
goes on.
"""

import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from uuid import UUID

import fal_client
import httpx

from montage_pipeline.costs.ledger import CostLedger, PaidCall, fingerprint_of
from montage_pipeline.costs.prices import PricedCall, fal_cost, require_price
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.logs import get_logger
from montage_pipeline.music.beats.tracker import RATE, decode_mono, find_beats
from montage_pipeline.music.composer import ComposedMusic, MusicBrief
from montage_pipeline.music.fal.download import AudioGone, download_audio
from montage_pipeline.music.fal.models import MusicModel, asked_seconds, music_model, prompt_text
from montage_pipeline.music.fal.queue import QueueFault, QueueTransport, connect, is_loopback
from montage_pipeline.music.model import BeatGrid
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import Service, Step

POLL_INTERVAL_S = 1.0
_POLL_FAULTS_TOLERATED = 5

T = TypeVar("T")
_log = get_logger(__name__)


class JobLost(Exception):
    """fal does not know the job, or no longer has its file."""


class FalComposer:
    """Composes with `settings.fal_music_model` through fal's queue.

    `poll_interval_s` is the pause between two looks at a job. `http_transport` replaces the
    network, for tests.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: CostLedger,
        http_transport: httpx.BaseTransport | None = None,
        *,
        poll_interval_s: float = POLL_INTERVAL_S,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._http_transport = http_transport
        self._poll_interval_s = poll_interval_s

    def compose(self, brief: MusicBrief, workdir: Path) -> ComposedMusic:
        """Buy, or go on with what an earlier attempt bought.

        PermanentError: `fal_key_missing`, `music_model_unsupported`, `unknown_price`,
        `fal_refused_key`, `music_rejected` …
        MontageError: `music_timeout` (the job goes on and the next attempt resumes it),
        `music_failed`, `music_rate_limited`
        (details retry_after_s), `music_unavailable`, `music_submit_uncertain`,
        `music_download_failed`, `music_too_short` …
        """
        key = self._settings.fal_key.get_secret_value()
        if not key:
            raise PermanentError(
                ErrorCode.FAL_KEY_MISSING,
                "FAL_KEY is not set. Set it, or set MONTAGE_COMPOSER=local.",
            )
        client, transport = connect(key, self._settings.fal_queue_url, self._http_transport)
        try:
            return _Purchase(
                self._settings,
                self._ledger,
                client,
                transport,
                brief,
                workdir,
                self._poll_interval_s,
                self._http_transport,
            ).carry_out()
        finally:
            if self._http_transport is None:
                transport.close()


class _Purchase:
    """One attempt to get the music of one brief."""

    def __init__(
        self,
        settings: Settings,
        ledger: CostLedger,
        client: fal_client.SyncClient,
        transport: QueueTransport,
        brief: MusicBrief,
        workdir: Path,
        poll_interval_s: float,
        http_transport: httpx.BaseTransport | None,
    ) -> None:
        self._settings, self._ledger, self._client, self._transport = (
            settings,
            ledger,
            client,
            transport,
        )
        self._brief, self._workdir, self._poll_s, self._http = (
            brief,
            workdir,
            poll_interval_s,
            http_transport,
        )
        self._endpoint = settings.fal_music_model.strip("/")
        self._model: MusicModel = music_model(self._endpoint)
        self._seconds = asked_seconds(brief, self._model)
        self._prompt = prompt_text(brief, self._model.prompt_limit)
        self._arguments = self._model.arguments(self._prompt, self._seconds, brief.seed)
        self._call = PaidCall(
            user_id=brief.user_id,
            service=Service.FAL,
            endpoint=self._endpoint,
            montage_request_id=_uuid(brief.request_id),
            run_id=brief.run_id,
            asset=Step.MUSIC_TRACK,
            fingerprint=fingerprint_of(
                "music",
                self._endpoint,
                json.dumps(self._arguments, sort_keys=True),
                str(brief.seed),
            ),
        )
        self._deadline_s = time.monotonic() + settings.fal_timeout_s

    def carry_out(self) -> ComposedMusic:
        require_price(Service.FAL, self._endpoint, _today())
        pending = self._ledger.find_pending(self._call)
        while pending is not None and pending.provider_request_id is None:
            # Killed between the row and fal's reply: the job may exist, but nobody can ask for it.
            self._estimate(
                pending.id, "the process ended before fal's reply to the submission was recorded"
            )
            pending = self._ledger.find_pending(self._call)
        if pending is not None and pending.provider_request_id is not None:
            _log.info("music_job_resumed", provider_request_id=pending.provider_request_id)
            try:
                return self._collect(pending.id, pending.provider_request_id)
            except JobLost as lost:
                self._estimate(pending.id, f"fal lost the job: {lost}")
        bought = self._ledger.find_bought(self._call)
        if (
            bought is not None
            and bought.provider_request_id is not None
            and "unusable" not in bought.usage
        ):
            try:
                return self._collect(None, bought.provider_request_id)
            except JobLost as lost:
                _log.warning(
                    "bought_music_gone",
                    provider_request_id=bought.provider_request_id,
                    reason=str(lost),
                )
        entry_id = self._ledger.open(self._call)
        request_id = self._submit(entry_id)
        self._ledger.attach(entry_id, request_id)
        _log.info(
            "music_job_submitted",
            provider_request_id=request_id,
            endpoint=self._endpoint,
            seconds=self._seconds,
        )
        try:
            return self._collect(entry_id, request_id)
        except JobLost as lost:
            self._estimate(entry_id, f"fal lost the job: {lost}")
            raise MontageError(
                ErrorCode.MUSIC_FAILED,
                f"fal lost the music job {request_id}: {lost}",
                provider_request_id=request_id,
            ) from lost

    # Submission

    def _submit(self, entry_id: UUID) -> str:
        try:
            return str(self._client.submit(self._endpoint, self._arguments).request_id)
        except QueueFault as fault:
            if fault.kind == "unreached":
                self._settle_unpaid(entry_id, {"error": fault.reason})
                raise MontageError(
                    ErrorCode.MUSIC_UNREACHABLE, f"fal was not reached: {fault.reason}"
                ) from fault
            if fault.kind == "cut" or fault.status in (408, 502, 504):
                # The job may be in the queue. It has to show in the costs, and must not be bought
                # twice by this attempt.
                self._estimate(entry_id, fault.reason)
                raise MontageError(
                    ErrorCode.MUSIC_SUBMIT_UNCERTAIN,
                    f"No reply came to the music order, so it may have been charged: {fault.reason}",
                ) from fault
            self._settle_unpaid(
                entry_id, {"error": fault.reason, "detail": fault.detail, "status": fault.status}
            )
            raise self._refusal(fault) from fault
        except (KeyError, TypeError, ValueError) as error:
            self._estimate(entry_id, f"fal's reply to the submission cannot be read: {error!r}")
            raise MontageError(
                ErrorCode.MUSIC_SUBMIT_UNCERTAIN,
                f"fal's reply to the music order cannot be read: {error!r}",
            ) from error

    def _refusal(self, fault: QueueFault) -> MontageError:
        told = f"HTTP {fault.status}: {fault.detail}"
        if fault.status in (401, 403):
            return PermanentError(
                ErrorCode.FAL_REFUSED_KEY,
                f"fal refuses the key or the account ({told}). Check FAL_KEY and the balance.",
                status=fault.status,
            )
        if fault.status == 429:
            return MontageError(
                ErrorCode.MUSIC_RATE_LIMITED,
                f"fal asks to slow down ({told}).",
                retry_after_s=fault.retry_after_s,
            )
        if fault.status >= 500:
            return MontageError(
                ErrorCode.MUSIC_UNAVAILABLE, f"fal is not available ({told}).", status=fault.status
            )
        return PermanentError(
            ErrorCode.MUSIC_REJECTED, f"fal rejects the music order ({told}).", status=fault.status
        )

    # Waiting and collecting

    def _collect(self, entry_id: UUID | None, request_id: str) -> ComposedMusic:
        """Wait for the job, take its file, price it.

        `entry_id` is None for a job whose price is settled.
        """
        self._transport.billable_units = None
        handle = self._client.get_handle(self._endpoint, request_id)
        status = self._wait(handle)
        if status.error is not None:
            self._job_failed(entry_id, request_id, handle, status)
        try:
            result = self._patiently(lambda: handle.get(interval=self._poll_s), request_id)
        except QueueFault as fault:
            self._charge_failure(
                entry_id, {"error": fault.reason, "detail": fault.detail, "status": fault.status}
            )
            raise self._failure(
                request_id, f"HTTP {fault.status}: {fault.detail}", rejected=fault.status == 422
            ) from fault
        url = _audio_url(result)
        if url is None:
            self._settle(entry_id, unusable="no audio in the result")
            raise MontageError(
                ErrorCode.MUSIC_FAILED,
                f"fal's music job {request_id} finished without an audio file.",
                provider_request_id=request_id,
            )
        try:
            path, content_type = download_audio(
                url,
                self._workdir,
                allow_private=is_loopback(self._settings.fal_queue_url)
                or self._settings.fetch_private_hosts,
                pause_s=self._poll_s,
                http_transport=self._http,
            )
        except AudioGone as gone:
            if entry_id is None:
                raise JobLost(f"its file is gone ({gone})") from gone
            self._settle(entry_id, unusable=f"its file is gone ({gone})")
            raise MontageError(
                ErrorCode.MUSIC_FAILED,
                f"The file of fal's music job {request_id} is gone: {gone}",
                provider_request_id=request_id,
            ) from gone
        except MontageError as error:
            if error.code is ErrorCode.MUSIC_DELIVERY_BROKEN:
                self._settle(entry_id, unusable=error.message)
            raise
        sound = decode_mono(path)
        duration_s = len(sound) / RATE
        if duration_s < self._brief.needed_s:
            self._settle(entry_id, unusable=f"only {duration_s:.2f} s long", returned_s=duration_s)
            told = f"fal returned {duration_s:.1f} s of music, {self._brief.needed_s:.1f} s are needed."
            facts = {"provider_request_id": request_id, "duration_s": duration_s}
            if self._model.obeys_length:
                raise MontageError(ErrorCode.MUSIC_DELIVERED_SHORT, told, **facts)
            raise PermanentError(ErrorCode.MUSIC_TOO_SHORT, told, **facts)
        self._settle(entry_id, returned_s=duration_s)
        return self._composed(
            path, content_type, duration_s, find_beats(sound, float(self._brief.bpm)), request_id
        )

    def _composed(
        self, path: Path, content_type: str, duration_s: float, grid: BeatGrid, request_id: str
    ) -> ComposedMusic:
        warnings: list[str] = []
        if grid.source == "onsets":
            warnings.append("No steady beat was found in the music; cuts follow its strong onsets.")
        elif abs(grid.bpm / self._brief.bpm - 1) > 0.05:
            warnings.append(f"{self._brief.bpm} BPM were asked for, the music has {grid.bpm:.1f}.")
        return ComposedMusic(
            path=path,
            content_type=content_type,
            duration_s=duration_s,
            grid=grid,
            mood=self._brief.mood,
            prompt=self._prompt,
            composer="fal",
            model=self._endpoint,
            provider_request_id=request_id,
            seed=self._brief.seed,
            warnings=tuple(warnings),
        )

    def _wait(self, handle: fal_client.SyncRequestHandle) -> fal_client.Completed:
        while True:
            status = self._patiently(handle.status, handle.request_id)
            if isinstance(status, fal_client.Completed):
                return status
            self._pause(self._poll_s, handle.request_id)

    def _patiently(self, ask: Callable[[], T], request_id: str) -> T:
        """Ask again after faults that pass by themselves; asking is free and changes nothing.

        Raises JobLost for an unknown job, QueueFault for the model's own refusal, PermanentError
        for a refused key.
        """
        faults = 0
        while True:
            try:
                return ask()
            except QueueFault as fault:
                if fault.status in (401, 403):
                    raise self._refusal(fault) from fault
                if fault.status == 404:
                    raise JobLost("HTTP 404") from fault
                if fault.is_model_answer and fault.status != 429:
                    raise
                trouble: Exception = fault
                pause_s = fault.retry_after_s or 0.0
            except (KeyError, TypeError, ValueError) as error:
                trouble, pause_s = error, 0.0
            faults += 1
            if faults > _POLL_FAULTS_TOLERATED:
                raise MontageError(
                    ErrorCode.MUSIC_UNAVAILABLE,
                    f"fal does not answer about the music job {request_id}: {trouble}. The next attempt goes on with it.",
                    provider_request_id=request_id,
                ) from trouble
            self._pause(max(pause_s, self._poll_s * 2 ** (faults - 1)), request_id)

    def _pause(self, seconds: float, request_id: str) -> None:
        if time.monotonic() + seconds > self._deadline_s:
            raise MontageError(
                ErrorCode.MUSIC_TIMEOUT,
                f"fal's music job {request_id} is not finished after {self._settings.fal_timeout_s:g} s. The next attempt goes on with it.",
                provider_request_id=request_id,
            )
        time.sleep(seconds)

    # Failure of the job

    def _job_failed(
        self,
        entry_id: UUID | None,
        request_id: str,
        handle: fal_client.SyncRequestHandle,
        status: fal_client.Completed,
    ) -> NoReturn:
        usage: dict[str, Any] = {"error": status.error, "error_type": status.error_type}
        rejected = False
        try:
            handle.get(interval=self._poll_s)
        except QueueFault as fault:
            usage |= {"status": fault.status, "detail": fault.detail}
            rejected = fault.status == 422
        except (KeyError, TypeError, ValueError):
            pass
        self._charge_failure(entry_id, usage)
        raise self._failure(request_id, str(status.error), rejected=rejected)

    def _failure(self, request_id: str, told: str, *, rejected: bool = False) -> MontageError:
        if rejected:
            return PermanentError(
                ErrorCode.MUSIC_REJECTED,
                f"The model rejects the music order: {told}",
                provider_request_id=request_id,
            )
        return MontageError(
            ErrorCode.MUSIC_FAILED,
            f"fal's music job {request_id} failed: {told}",
            provider_request_id=request_id,
        )

    # The ledger

    def _priced(self) -> PricedCall:
        return fal_cost(
            self._endpoint,
            seconds=float(self._seconds),
            billable_units=self._transport.billable_units,
            on=_today(),
        )

    def _list_price(self) -> PricedCall:
        return fal_cost(
            self._endpoint, seconds=float(self._seconds), billable_units=None, on=_today()
        )

    def _settle(
        self, entry_id: UUID | None, *, unusable: str | None = None, returned_s: float | None = None
    ) -> None:
        if entry_id is None:
            return
        priced = self._priced()
        units = self._transport.billable_units
        usage: dict[str, Any] = {
            "requested_s": self._seconds,
            "billable_units": None if units is None else str(units),
        }
        if returned_s is not None:
            usage["returned_s"] = round(returned_s, 3)
        if unusable is not None:
            usage["unusable"] = unusable
        if priced.estimated:
            self._ledger.estimate(
                entry_id, cost_usd=priced.cost_usd, usage=usage, price_version=priced.price_version
            )
        else:
            self._ledger.settle(
                entry_id, cost_usd=priced.cost_usd, usage=usage, price_version=priced.price_version
            )

    def _charge_failure(self, entry_id: UUID | None, usage: dict[str, Any]) -> None:
        """A failed job costs nothing, unless fal says it billed units for it."""
        if entry_id is None:
            return
        units = self._transport.billable_units
        cost_usd = self._priced().cost_usd if units else Decimal(0)
        self._ledger.settle(
            entry_id,
            cost_usd=cost_usd,
            usage=usage | {"unusable": "failed"},
            price_version=self._list_price().price_version,
        )

    def _settle_unpaid(self, entry_id: UUID, usage: dict[str, Any]) -> None:
        self._ledger.settle(
            entry_id,
            cost_usd=Decimal(0),
            usage=usage,
            price_version=self._list_price().price_version,
        )

    def _estimate(self, entry_id: UUID, reason: str) -> None:
        priced = self._list_price()
        # `unusable`: nobody can fetch what may have been bought, so no later attempt should try.
        usage = {
            "uncertain": True,
            "reason": reason,
            "requested_s": self._seconds,
            "unusable": "uncertain",
        }
        self._ledger.estimate(
            entry_id, cost_usd=priced.cost_usd, usage=usage, price_version=priced.price_version
        )


def _audio_url(result: Any) -> str | None:
    """Where the audio is, in the shapes that fal's music models answer with."""
    if not isinstance(result, dict):
        return None
    for name in ("audio_file", "audio", "audio_url"):
        value = result.get(name)
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, dict):
            value = value.get("url")
        if isinstance(value, str) and value:
            return value
    return None


def _uuid(request_id: str) -> UUID:
    try:
        return UUID(request_id)
    except ValueError as error:
        raise PermanentError(
            ErrorCode.BAD_REQUEST_ID,
            f"{request_id!r} is not the id of a request; paid music needs one.",
        ) from error


def _today() -> date:
    return datetime.now(UTC).date()
