"""The proof, against trying every edit there is in small spaces."""

from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from montage_pipeline.analysis.model import AnalystFacts
from montage_pipeline.editing.optimizer.optimum import best_edit
from montage_pipeline.editing.optimizer.relaxation import Prices, Solved
from montage_pipeline.editing.optimizer.space import HookPlace, Space
from montage_pipeline.editing.optimizer.space_search import SpaceSearch
from montage_pipeline.editing.packing import Piece
from montage_pipeline_tests.editing.footage import analysis, facts, moment
from montage_pipeline_tests.editing.optimizer.spaces import FPS, objective_for, small_spaces
from montage_pipeline_tests.editing.requests import QUICK_AND_SLOW


def best_by_trying(space: Space) -> int | None:
    """Units of the best edit of a space that keeps every rule, found by making each one."""
    objective, footage, arcs = space.objective, space.objective.footage, space.arcs
    best: int | None = None

    def overlaps(piece: Piece, shown: tuple[Piece, ...]) -> bool:
        gap = footage.stretches[piece.stretch].gap
        return any(
            used.stretch == piece.stretch
            and piece.start < used.end + gap
            and used.start < piece.end + gap
            for used in shown
        )

    def few_short(pieces: tuple[Piece, ...]) -> bool:
        short = [piece for piece in pieces[1:] if piece.frames < objective.rules.min_frames]
        return len(short) <= objective.short_allowed

    def go_on(pieces: tuple[Piece, ...], frame: int) -> None:
        nonlocal best
        if frame == len(arcs.cuts) - 1:
            clips = {footage.stretches[piece.stretch].clip for piece in pieces}
            if objective.must_use <= clips:
                hook = next(hook for hook in space.hooks if hook.piece == pieces[0])
                units = objective.points(pieces, hook.points)
                best = units if best is None else max(best, units)
            return
        for arc in range(int(arcs.first[frame]), int(arcs.first[frame + 1])):
            for place in range(len(space.places.at)):
                piece = space.piece(place, int(arcs.frames[arc]))
                assert int(footage.starts_of([piece])[0]) == int(space.places.at[place])
                fits = piece.end <= footage.stretches[piece.stretch].frames
                fits &= piece.frames >= objective.least[piece.stretch]
                if fits and not overlaps(piece, pieces) and few_short((*pieces, piece)):
                    go_on((*pieces, piece), int(arcs.end[arc]))

    for hook in space.hooks:
        go_on((hook.piece,), 0)
    return best


def some_prices(first: Prices, seed: int) -> Prices:
    """Prices as wild as any search would find them."""
    random = np.random.default_rng(seed)
    return first.moved(
        random.normal(0, 900, len(first.frame)),
        random.normal(0, 5e4, len(first.use)),
        random.normal(0, 5e4, len(first.cluster)),
        random.normal(0, 5e4, len(first.bonus)),
    )


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(small_spaces(), st.integers(0, 10**6))
def test_the_bound_holds_for_any_prices_and_the_search_finds_the_best_within_its_gap(
    space: Space, seed: int
) -> None:
    truth = best_by_trying(space)
    objective = space.objective
    search = SpaceSearch(objective, tight=True)
    search.search(space)
    if truth is None:
        assert search.edit is None
        return

    first = Prices.first(objective)
    for prices in (first, some_prices(first, seed)):
        assert Solved(space, prices).bound >= truth
    assert search.edit is not None
    hook = space.hooks[search.edit.hook]
    assert search.edit.units == objective.points(search.edit.pieces, hook.points)
    assert search.edit.units <= truth <= search.bound
    # So few edits are all looked at: what is found is the best, and known to be.
    assert search.edit.units == truth


@pytest.mark.parametrize("style", QUICK_AND_SLOW)
@pytest.mark.parametrize(
    ("analyst", "known", "gap"),
    [("local", {"role": None, "peak_s": None}, 0.04), ("claude", {"judged": True}, 0.07)],
    ids=["measured", "judged"],
)
def test_a_larger_edit_is_within_a_few_percent_of_its_bound(
    style: str, analyst: Literal["local", "claude"], known: dict[str, Any], gap: float
) -> None:
    clips = analysis(
        [
            (
                facts(f"c{i}", 20, fps=FPS),
                [moment(i, k, k * 4, k * 4 + 4, **known) for k in range(5)],
            )
            for i in range(12)
        ]
    ).model_copy(update={"analyst": AnalystFacts(name=analyst)})
    objective = objective_for(clips, 300, style=style, seed=1)
    hook = HookPlace(Piece(0, 0, 17), 100_000)
    best = best_edit(objective, [hook], tight=False)
    assert best.edit.units == objective.points(best.edit.pieces, hook.points)
    assert best.edit.units <= best.bound
    assert best.edit.gap(best.bound) <= gap
