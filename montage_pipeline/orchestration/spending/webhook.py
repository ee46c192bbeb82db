"""Sends alerts to the operator's webhook: each until it is taken, with the same id.

The receiver may be on a private network (it is the operator's own address), but the connection goes
where its name was checked to lead, once, and ends at a deadline.
"""

import time
from contextlib import closing

import httpcore
import httpx

from montage_pipeline import logs
from montage_pipeline.composition import Services
from montage_pipeline.costs.alerts import note_delivery, signature, undelivered
from montage_pipeline.errors import MontageError
from montage_pipeline.settings import Settings

_TIMEOUT_S = 5.0
_MAX_PER_TICK = 4
"""With the timeout, a receiver that hangs holds a tick up for 20 s at most."""

_FAULTS = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
)

log = logs.get_logger(__name__)


def deliver_alerts(services: Services) -> int:
    """Send what was not taken yet; how many were taken now. Without a webhook nothing is sent."""
    settings = services.settings
    if not settings.budget_webhook_url:
        return 0
    taken = 0
    for alert in undelivered(services.engine, _MAX_PER_TICK):
        was_taken = post_to_operator(settings, alert.body(), str(alert.id))
        note_delivery(services.engine, alert.id, taken=was_taken)
        taken += was_taken
    return taken


def post_to_operator(settings: Settings, body: bytes, alert_id: str) -> bool:
    """Send an alert once; whether it was taken. Without a webhook it is not."""
    from montage_pipeline.footage.fetching.address import GuardedTransport

    if not settings.budget_webhook_url:
        return False
    headers = {"content-type": "application/json", "X-Montage-Alert-Id": alert_id}
    if secret := settings.budget_webhook_secret.get_secret_value():
        headers["X-Montage-Signature"] = signature(secret, body)
    # Driven directly: httpx.Client would log the address, which may carry a secret, and no redirect
    # is followed.
    transport = GuardedTransport(allow_private=True, deadline_s=time.monotonic() + _TIMEOUT_S)
    try:
        request = httpx.Request("POST", settings.budget_webhook_url, content=body, headers=headers)
        with transport, closing(transport.handle_request(request)) as answer:
            reason = f"HTTP {answer.status_code}"
            if answer.is_success:
                return True
    except (*_FAULTS, MontageError) as error:
        reason = str(error) or type(error).__name__
    log.warning("alert_not_delivered", alert_id=alert_id, reason=reason)
    return False
