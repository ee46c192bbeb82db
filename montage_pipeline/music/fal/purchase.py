"""One purchase of music from fal: bought at most once, whatever breaks on the way.

The order of work is what makes it safe to die anywhere:

1. a pending ledger row, 2. the mark that the order goes out, 3. the submission, 4. fal's job id
onto the row, 5. polling, 6. the file on this disk, 7. the price onto the row.

A later attempt that finds a row with a job id resumes that job, charged or not. A row that was
never sent costs nothing. One that was sent and has no id was in flight when the process died: the
job may exist under an id that nobody knows, so the row is an estimate, and the music is bought
anew. Only a kill does that: an order whose reply got lost while the process lived is not sent
again, because fal has no key by which it would know the second one.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from montage_pipeline import tracing
from montage_pipeline.costs.ledger import CostLedger
from montage_pipeline.costs.sending import Outgoing, sending
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.logs import get_logger
from montage_pipeline.music.beats.tracker import beats_of
from montage_pipeline.music.composer import MAX_SILENT_S, ComposedMusic
from montage_pipeline.music.fal.bill import Bill
from montage_pipeline.music.fal.download import AudioDownload, AudioGone
from montage_pipeline.music.fal.job import JobFailed, JobLost, MusicJob, Patience
from montage_pipeline.music.fal.order import MusicOrder
from montage_pipeline.music.fal.queue import Connection, QueueFault, refusal_of
from montage_pipeline.music.listening import Listened, listen_to
from montage_pipeline.music.model import BeatGrid

_UNCERTAIN_STATUSES = (408, 502, 504)
"""Answers of a gateway that may have passed the submission on before it gave up."""

_log = get_logger(__name__)


@dataclass(frozen=True)
class Attempt:
    """Where one attempt works: the connection, how long it waits, where the file goes."""

    connection: Connection
    patience: Patience
    download: AudioDownload


class Purchase:
    """One attempt to get the music of one order."""

    def __init__(self, order: MusicOrder, ledger: CostLedger, attempt: Attempt) -> None:
        self._order = order
        self._call = order.paid_call
        self._ledger = ledger
        self._client, self._transport = attempt.connection
        self._patience = attempt.patience
        self._download = attempt.download
        self._bill = Bill(ledger, order, lambda: self._transport.billable_units)

    def carry_out(self) -> ComposedMusic:
        """Resume what an earlier attempt bought, or buy."""
        return self._resume_pending() or self._fetch_bought() or self._buy()

    # What earlier attempts left

    def _resume_pending(self) -> ComposedMusic | None:
        """The music of a job that was submitted and not priced yet."""
        pending = self._ledger.find_pending(self._call)
        while pending is not None and pending.provider_request_id is None:
            if pending.sent:
                self._bill.estimate_uncertain(
                    pending.id, "the process ended before fal's reply to the order was recorded"
                )
            else:
                self._bill.settle_free(
                    pending.id, {"error": "the process ended before the order was sent"}
                )
            pending = self._ledger.find_pending(self._call)
        if pending is None or pending.provider_request_id is None:
            return None

        _log.info("music_job_resumed", provider_request_id=pending.provider_request_id)
        try:
            return self._collect(pending.id, pending.provider_request_id)
        except JobLost as lost:
            self._bill.estimate_uncertain(pending.id, f"fal lost the job: {lost}")
            return None

    def _fetch_bought(self) -> ComposedMusic | None:
        """The music of a job that was paid for, fetched again."""
        bought = self._ledger.find_bought(self._call)
        if bought is None or bought.provider_request_id is None or "unusable" in bought.usage:
            return None
        try:
            return self._collect(None, bought.provider_request_id)
        except JobLost as lost:
            _log.warning(
                "bought_music_gone",
                provider_request_id=bought.provider_request_id,
                reason=str(lost),
            )
            return None

    # Buying

    def _buy(self) -> ComposedMusic:
        entry_id = self._ledger.open(self._call)
        job_id = self._submit(entry_id)
        self._ledger.attach(entry_id, job_id)
        _log.info(
            "music_job_submitted",
            provider_request_id=job_id,
            endpoint=self._order.endpoint,
            seconds=self._order.seconds,
        )
        try:
            return self._collect(entry_id, job_id)
        except JobLost as lost:
            self._bill.estimate_uncertain(entry_id, f"fal lost the job: {lost}")
            raise MontageError(
                ErrorCode.MUSIC_FAILED,
                f"fal lost the music job {job_id}: {lost}",
                provider_request_id=job_id,
            ) from lost

    def _submit(self, entry_id: UUID) -> str:
        """Send the order, once; the id of the job."""
        with (
            tracing.span(f"fal {self._order.endpoint}", cost_id=str(entry_id)),
            sending(lambda: self._ledger.mark_sent(entry_id)) as outgoing,
        ):
            try:
                submitted = self._client.submit(self._order.endpoint, self._order.arguments)
                return str(submitted.request_id)
            except QueueFault as fault:
                raise self._submission_failed(entry_id, fault, outgoing) from fault
            except (KeyError, TypeError, ValueError) as error:
                reason = f"fal's reply to the order cannot be read: {error!r}"
                raise self._lost_reply(entry_id, reason) from error
            except BaseException:
                # Canceled, above all: whoever ends a purchase still says what is known of it.
                with suppress(Exception):
                    self._close_interrupted(entry_id, outgoing)
                raise

    def _submission_failed(
        self, entry_id: UUID, fault: QueueFault, outgoing: Outgoing
    ) -> MontageError:
        """Price the row of an order that fal has not confirmed; the error to raise."""
        never_sent = outgoing.watched and not outgoing.sent
        if fault.kind == "unreached" or (fault.kind == "cut" and never_sent):
            self._bill.settle_free(entry_id, {"error": fault.reason})
            return MontageError(ErrorCode.MUSIC_UNREACHABLE, f"fal was not reached: {fault.reason}")
        if fault.kind == "cut" or fault.status in _UNCERTAIN_STATUSES:
            return self._lost_reply(entry_id, fault.reason)
        self._bill.settle_free(
            entry_id, {"error": fault.reason, "detail": fault.detail, "status": fault.status}
        )
        return refusal_of(fault)

    def _lost_reply(self, entry_id: UUID, reason: str) -> PermanentError:
        """The job may be in the queue, under an id that nobody knows: it shows in the costs, and is
        not ordered a second time.
        """
        self._bill.estimate_uncertain(entry_id, reason)
        return PermanentError(
            ErrorCode.MUSIC_SUBMIT_UNCERTAIN,
            f"fal's reply to the music order was lost ({reason}), so the order may have been "
            "charged and was not sent again.",
        )

    def _close_interrupted(self, entry_id: UUID, outgoing: Outgoing) -> None:
        if outgoing.sent:
            self._bill.estimate_uncertain(entry_id, "interrupted")
        elif outgoing.watched:
            self._bill.settle_free(entry_id, {"error": "interrupted before it was sent"})

    # Collecting

    def _collect(self, entry_id: UUID | None, job_id: str) -> ComposedMusic:
        """Wait for the job, fetch its file, price it.

        `entry_id` is None for a job that is priced already. Raises JobLost when fal does not know
        the job.
        """
        self._transport.billable_units = None
        job = MusicJob(self._client, self._order.endpoint, job_id, self._patience)
        try:
            result = job.result()
        except JobFailed as failed:
            self._bill.charge_failure(entry_id, failed.usage, may_be_charged=failed.may_be_charged)
            raise failed.error from failed

        path, content_type = self._fetch(entry_id, job_id, result)
        heard = listen_to(path)
        self._require_music(entry_id, job_id, heard)
        self._bill.charge_delivery(entry_id, delivered_s=heard.duration_s)

        brief = self._order.brief
        grid = beats_of(heard, float(brief.bpm))
        return ComposedMusic(
            path=path,
            content_type=content_type,
            duration_s=heard.duration_s,
            grid=grid,
            mood=brief.mood,
            prompt=self._order.prompt,
            composer="fal",
            model=self._order.endpoint,
            provider_request_id=job_id,
            seed=brief.seed,
            warnings=_warnings(grid, brief.bpm),
        )

    def _fetch(self, entry_id: UUID | None, job_id: str, result: Any) -> tuple[Path, str]:
        """The audio file of a result and its content type; useless results are charged."""
        url = _audio_url(result)
        if url is None:
            self._bill.charge_delivery(entry_id, unusable="no audio in the result")
            raise MontageError(
                ErrorCode.MUSIC_FAILED,
                f"fal's music job {job_id} finished without an audio file.",
                provider_request_id=job_id,
            )
        try:
            return self._download.fetch(url)
        except AudioGone as gone:
            if entry_id is None:
                raise JobLost(f"its file is gone ({gone})") from gone
            self._bill.charge_delivery(entry_id, unusable=f"its file is gone ({gone})")
            raise MontageError(
                ErrorCode.MUSIC_FAILED,
                f"The file of fal's music job {job_id} is gone: {gone}",
                provider_request_id=job_id,
            ) from gone
        except MontageError as error:
            if error.code is ErrorCode.MUSIC_DELIVERY_BROKEN:
                self._bill.charge_delivery(entry_id, unusable=error.message)
            raise

    def _require_music(self, entry_id: UUID | None, job_id: str, heard: Listened) -> None:
        """Charge and refuse music that is shorter than the Reel needs, or silent for too long."""
        brief, duration_s = self._order.brief, heard.duration_s
        if duration_s >= brief.needed_s and heard.music_s >= brief.duration_s - MAX_SILENT_S:
            return

        unusable = f"only {duration_s:.2f} s long, {heard.music_s:.2f} s of it music"
        self._bill.charge_delivery(entry_id, delivered_s=duration_s, unusable=unusable)
        message = (
            f"fal returned {duration_s:.1f} s with {heard.music_s:.1f} s of music in them; a Reel "
            f"of {brief.duration_s:g} s needs {brief.needed_s:.1f} s."
        )
        facts = {"provider_request_id": job_id, "duration_s": duration_s}
        if self._order.model.obeys_length:
            raise MontageError(ErrorCode.MUSIC_DELIVERED_SHORT, message, **facts)
        # A model that picks its own length picks it again.
        raise PermanentError(ErrorCode.MUSIC_TOO_SHORT, message, **facts)


def _warnings(grid: BeatGrid, asked_bpm: int) -> tuple[str, ...]:
    if grid.source == "onsets":
        return ("No steady beat was found in the music; cuts follow its strong onsets.",)
    if grid.misses_tempo(asked_bpm):
        return (f"The music was ordered at {asked_bpm} BPM and came at {grid.bpm:.1f}.",)
    return ()


def _audio_url(result: Any) -> str | None:
    """Where the audio is, in any of the shapes that fal's music models answer with."""
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
