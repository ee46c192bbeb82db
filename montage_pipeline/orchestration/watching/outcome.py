"""The line that the list of runs shows of each run: what it made, or whose fault it is that it made
nothing.
"""

from contextlib import suppress
from decimal import Decimal

import dagster as dg

from montage_pipeline.metrics.faults import Fault, fault_of

OUTCOME_TAG = "montage/outcome"


def made(
    segments: int, duration_s: float, size_bytes: int, cost_usd: Decimal, warnings: int
) -> str:
    """`30.0 s, 8 segments, 12.3 MB, $0.0213`, and how much its user was warned of."""
    text = f"{duration_s:.1f} s, {segments} segments, {size_bytes / 1e6:.1f} MB, ${cost_usd:.4f}"
    return f"{text}, warnings: {warnings}" if warnings else text


def failed(code: str) -> str:
    """`the user's input: not_enough_footage`."""
    return f"{fault_of(code).value}: {code}"


def asks_nothing_of_operators(run: dg.DagsterRun) -> bool:
    """Whether a run failed by what its user gave or wanted, so that only they can do something."""
    text = run.tags.get(OUTCOME_TAG, "")
    return text.startswith((f"{Fault.USER.value}: ", f"{Fault.STOPPED.value}: "))


def note_outcome(instance: dg.DagsterInstance, run_id: str, text: str) -> None:
    """Show it. A Reel is not lost, nor an error hidden, because it could not be shown."""
    with suppress(Exception):
        instance.add_run_tags(run_id, {OUTCOME_TAG: text})
