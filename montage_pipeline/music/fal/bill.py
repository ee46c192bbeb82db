"""The ledger rows of a purchase: what each outcome of an order costs.

Belongs here: which price and which usage go onto the row. Does not belong here: the rates (costs)
and what leads to an outcome (purchase).
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from montage_pipeline.costs.ledger import CostLedger
from montage_pipeline.costs.prices import PricedCall, fal_cost
from montage_pipeline.music.fal.order import MusicOrder


class Bill:
    """Prices the rows of one order.

    `billable_units` asks for the units that fal reported for the job, None when it reported none. A
    row that carries `unusable` in its usage is paid for, and no later attempt fetches it again.
    """

    def __init__(
        self,
        ledger: CostLedger,
        order: MusicOrder,
        billable_units: Callable[[], Decimal | None],
    ) -> None:
        self._ledger = ledger
        self._order = order
        self._billable_units = billable_units

    def charge_delivery(
        self,
        entry_id: UUID | None,
        *,
        delivered_s: float | None = None,
        unusable: str | None = None,
    ) -> None:
        """A job that fal finished costs its price, even when its music is `unusable`, and why."""
        if entry_id is None:
            return

        units = self._billable_units()
        usage: dict[str, Any] = {
            "requested_s": self._order.seconds,
            "billable_units": None if units is None else str(units),
        }
        if delivered_s is not None:
            usage["returned_s"] = round(delivered_s, 3)
        if unusable is not None:
            usage["unusable"] = unusable

        price = self._price(units)
        write = self._ledger.estimate if price.estimated else self._ledger.settle
        write(entry_id, cost_usd=price.cost_usd, usage=usage, price_version=price.price_version)

    def charge_failure(
        self, entry_id: UUID | None, usage: dict[str, Any], *, may_be_charged: bool
    ) -> None:
        """A failed job costs nothing, unless fal billed units for it; where fal says nothing and
        may charge, it is put down at the list price.
        """
        if entry_id is None:
            return
        units = self._billable_units()
        usage = usage | {"unusable": "failed"}
        if units:
            price = self._price(units)
            self._ledger.settle(
                entry_id,
                cost_usd=price.cost_usd,
                usage=usage | {"requested_s": self._order.seconds, "billable_units": str(units)},
                price_version=price.price_version,
            )
        elif may_be_charged and units is None:
            self._ledger.close_in_doubt(entry_id, str(usage.pop("error", "failed")), **usage)
        else:
            self._ledger.close_free(entry_id, usage)

    def settle_free(self, entry_id: UUID, usage: dict[str, Any]) -> None:
        """An order that fal did not get, or did not take, costs nothing."""
        self._ledger.close_free(entry_id, usage)

    def estimate_uncertain(self, entry_id: UUID, reason: str) -> None:
        """An order that may have been taken is put down at the list price.

        Nobody can fetch what it may have bought, so no later attempt should try.
        """
        self._ledger.close_in_doubt(entry_id, reason, unusable="uncertain")

    def _price(self, billable_units: Decimal | None) -> PricedCall:
        return fal_cost(
            self._order.endpoint,
            seconds=float(self._order.seconds),
            billable_units=billable_units,
            on=_today(),
        )


def _today() -> date:
    """The day, in UTC, whose price applies."""
    return datetime.now(UTC).date()
