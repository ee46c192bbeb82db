"""What an item says of a call of which nobody knows whether it was charged.

A provider may have charged a call although its answer was lost, so what was bought after it may
have been paid for twice: the item's owner is told, in the transaction that closes the call's row.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import literal, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from montage_pipeline.requests.tables import ContentItemRow, MontageRequestRow
from montage_pipeline.vocabulary import Service

MOST_USD = "most_usd"
"""In the usage of a row: what its call cannot have cost more than."""


def sentence_on(service: Service, cost_usd: Decimal, usage: Mapping[str, Any]) -> str:
    """The call, in words, from its row's estimate and usage."""
    most_usd = usage.get(MOST_USD)
    at_most = f", and at most ${Decimal(most_usd):.4f}" if most_usd is not None else ""
    return (
        f"The answer of a call to {service} was lost ({usage.get('error')}). It may have been "
        f"charged all the same: about ${cost_usd:.4f}{at_most}."
    )


def tell_item(session: Session, montage_request_id: UUID | None, sentence: str) -> None:
    """Add the sentence to the warnings of a request's item, unless a newer request has it now."""
    item_id = session.scalar(
        select(MontageRequestRow.content_item_id).where(MontageRequestRow.id == montage_request_id)
    )
    newest_id = session.scalar(
        select(MontageRequestRow.id)
        .where(MontageRequestRow.content_item_id == item_id)
        .order_by(MontageRequestRow.created_at.desc())
        .limit(1)
    )
    if item_id is None or newest_id != montage_request_id:
        return
    session.execute(
        update(ContentItemRow)
        .where(ContentItemRow.id == item_id)
        .values(warnings=ContentItemRow.warnings.op("||")(literal([sentence], JSONB)))
        .execution_options(synchronize_session=False)
    )
