"""The composer that buys its music from fal.ai, as `Settings` say."""

from pathlib import Path

import httpx

from montage_pipeline.costs.ledger import CostLedger
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.music.composer import ComposedMusic, MusicBrief
from montage_pipeline.music.fal.download import AudioDownload
from montage_pipeline.music.fal.job import Patience
from montage_pipeline.music.fal.order import order_for
from montage_pipeline.music.fal.purchase import Attempt, Purchase
from montage_pipeline.music.fal.queue import connect, is_loopback
from montage_pipeline.settings import Settings

POLL_INTERVAL_S = 1.0
"""Pause between two polls of a job, which runs for seconds to minutes."""


class FalComposer:
    """Composes with `settings.fal_music_model` through fal's queue.

    `http_transport` replaces the network, for tests.
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
        """Buy, or resume what an earlier attempt bought.

        PermanentError: `fal_key_missing`, `music_model_unsupported`, `unknown_price`,
        `fal_refused_key`, `music_rejected`, `music_too_short`, … MontageError: `music_timeout` (the
        job goes on and the next attempt resumes it), `music_failed`, `music_rate_limited` (details
        `retry_after_s`), `music_unavailable`, `music_submit_uncertain`, `music_download_failed`,
        `music_delivered_short`, …
        """
        key = self._settings.fal_key.get_secret_value()
        if not key:
            raise PermanentError(
                ErrorCode.FAL_KEY_MISSING,
                "FAL_KEY is not set. Set it, or set MONTAGE_COMPOSER=local.",
            )
        order = order_for(brief, self._settings.fal_music_model)
        connection = connect(key, self._settings.fal_queue_url, self._http_transport)
        try:
            attempt = Attempt(connection, self._patience(), self._download(workdir))
            return Purchase(order, self._ledger, attempt).carry_out()
        finally:
            if self._http_transport is None:
                connection.transport.close()

    def _patience(self) -> Patience:
        return Patience(
            poll_interval_s=self._poll_interval_s, timeout_s=self._settings.fal_timeout_s
        )

    def _download(self, workdir: Path) -> AudioDownload:
        is_local_queue = is_loopback(self._settings.fal_queue_url)
        return AudioDownload(
            folder=workdir,
            allow_private=is_local_queue or self._settings.fetch_private_hosts,
            pause_s=self._poll_interval_s,
            http_transport=self._http_transport,
        )
