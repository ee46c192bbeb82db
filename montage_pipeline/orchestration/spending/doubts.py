"""What an item says of calls of which nobody knows whether they were charged."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from montage_pipeline.costs.ledger import CostEntry


def calls_in_doubt(entries: "Sequence[CostEntry]") -> list[str]:
    """A sentence on each such call: a provider may have charged it although its answer was lost, so
    what was bought after it may have been paid for twice.
    """
    return [
        f"The answer of a call to {entry.service} was lost ({entry.usage.get('error')}). It may "
        f"have been charged all the same: about ${entry.cost_usd:.4f}."
        for entry in entries
        if entry.in_doubt
    ]
