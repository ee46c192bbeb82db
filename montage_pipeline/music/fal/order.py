"""What is bought from fal for one brief, and what makes two orders the same purchase."""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from montage_pipeline.costs.ledger import PaidCall, fingerprint_of
from montage_pipeline.costs.prices import fal_cost
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.music.composer import SPARE_S, MusicBrief
from montage_pipeline.music.fal.models import MusicModel, music_model
from montage_pipeline.music.fal.prompt import prompt_text
from montage_pipeline.vocabulary import Service, Step

PURCHASE_VERSION = 1
"""Raise this when music bought before must not pass for what is ordered now.

Every request under way then buys again, so a better prompt is no reason.
"""


@dataclass(frozen=True)
class MusicOrder:
    """One piece of music to buy: from which model, how long, and in what words."""

    brief: MusicBrief
    endpoint: str
    model: MusicModel
    seconds: int
    prompt: str

    @property
    def arguments(self) -> dict[str, Any]:
        """The body of the submission."""
        return self.model.arguments(self.prompt, self.seconds, self.brief.seed)

    @property
    def paid_call(self) -> PaidCall:
        """The call as the ledger knows it, at the list price of today.

        PermanentError `bad_request_id` without a request, `unknown_price` without a price.
        """
        list_price = fal_cost(
            self.endpoint,
            seconds=float(self.seconds),
            billable_units=None,
            on=datetime.now(UTC).date(),
        )
        return PaidCall(
            user_id=self.brief.user_id,
            service=Service.FAL,
            endpoint=self.endpoint,
            montage_request_id=_uuid(self.brief.request_id),
            run_id=self.brief.run_id,
            asset=Step.MUSIC_TRACK,
            fingerprint=purchase_fingerprint(self.brief, self.endpoint, self.seconds),
            predicted_usd=list_price.cost_usd,
            predicted_usage={"requested_s": self.seconds},
            price_version=list_price.price_version,
        )


def order_for(brief: MusicBrief, endpoint: str) -> MusicOrder:
    """The order for a brief.

    PermanentError `music_model_unsupported`, `music_too_long_for_model`.
    """
    endpoint = endpoint.strip("/")
    model = music_model(endpoint)
    return MusicOrder(
        brief=brief,
        endpoint=endpoint,
        model=model,
        seconds=requested_seconds(brief.duration_s, model),
        prompt=prompt_text(brief, model.prompt_limit),
    )


def list_price_usd(duration_s: float, endpoint: str) -> Decimal:
    """What music for a Reel of this length costs today, whatever its style and mood.

    PermanentError as `order_for`, and `unknown_price`.
    """
    endpoint = endpoint.strip("/")
    seconds = requested_seconds(duration_s, music_model(endpoint))
    today = datetime.now(UTC).date()
    return fal_cost(endpoint, seconds=float(seconds), billable_units=None, on=today).cost_usd


def purchase_fingerprint(brief: MusicBrief, endpoint: str, seconds: int) -> str:
    """What makes two orders the same purchase, for the ledger.

    A retry that computes another fingerprint than the attempt before it pays a second time. So this
    names the few facts by which the bought music would not do any more: another request, model,
    length, tempo or seed. The prompt and what it is made of (mood, style, the analyst's words) are
    left out on purpose: they change whenever somebody improves their wording, perhaps between two
    attempts, and the music that was paid for still fits the Reel.
    """
    facts = {
        "version": PURCHASE_VERSION,
        "request_id": brief.request_id,
        "endpoint": endpoint,
        "seconds": seconds,
        "bpm": brief.bpm,
        "seed": brief.seed,
    }
    return fingerprint_of("music", json.dumps(facts, sort_keys=True))


def requested_seconds(duration_s: float, model: MusicModel) -> int:
    """Whole seconds to ask for: what a Reel of this length needs and one more, as some models end a
    little early.

    PermanentError `music_too_long_for_model` when the model cannot make the needed length.
    """
    needed_s = duration_s + SPARE_S
    seconds = math.ceil(needed_s) + 1
    if seconds <= model.max_s:
        return seconds
    if needed_s <= model.max_s:
        return int(model.max_s)
    raise PermanentError(
        ErrorCode.MUSIC_TOO_LONG_FOR_MODEL,
        f"A Reel of {duration_s:g} s needs {needed_s:g} s of music; the model makes at "
        f"most {model.max_s:g} s.",
    )


def _uuid(request_id: str) -> UUID:
    try:
        return UUID(request_id)
    except ValueError as error:
        raise PermanentError(
            ErrorCode.BAD_REQUEST_ID,
            f"{request_id!r} is not the id of a request; paid music needs one.",
        ) from error
