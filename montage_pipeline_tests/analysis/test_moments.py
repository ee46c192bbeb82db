"""Where long runs are split: the best of all ways."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from montage_pipeline.analysis import moments
from montage_pipeline_tests.examples import examples

SHORTEST, LONGEST = 2, 5


def every_way(start: int, count: int) -> Iterator[list[int]]:
    """All ways to split what is left after `start` into parts of the allowed lengths."""
    if start == count:
        yield [start]
    for end in range(start + SHORTEST, min(count, start + LONGEST) + 1):
        for rest in every_way(end, count):
            yield [start, *rest]


def cost(values: Sequence[float], splits: Sequence[int]) -> float:
    total = 0.0
    for start, end in pairwise(splits):
        part = values[start:end]
        mean = sum(part) / len(part)
        total += sum((value - mean) ** 2 for value in part) + moments._SPLIT_PRICE
    return total


@settings(max_examples=examples(2), deadline=None)
@given(st.lists(st.floats(0, 1), min_size=SHORTEST, max_size=14))
def test_no_other_split_costs_less(values: list[float]) -> None:
    splits = moments._best_splits(values, SHORTEST, LONGEST)
    least = min(cost(values, way) for way in every_way(0, len(values)))
    assert cost(values, splits) == pytest.approx(least, abs=1e-9)
    assert all(SHORTEST <= end - start <= LONGEST for start, end in pairwise(splits))
