"""The proof, against trying every edit there is in small spaces."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.beats import rulers
from montage_pipeline.editing.footage_line import Footage, usable_stretches
from montage_pipeline.editing.optimizer.objective import Objective
from montage_pipeline.editing.optimizer.optimum import SpaceSearch, best_edit
from montage_pipeline.editing.optimizer.relaxation import Prices, Solved
from montage_pipeline.editing.optimizer.space import HookPlace, Space
from montage_pipeline.editing.packing import CutRules, Piece
from montage_pipeline.footage.model import FrameRate
from montage_pipeline.styles import STYLES, style_of
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.editing.footage import analysis, facts, moment, steady_music

FPS = FrameRate(num=10, den=1)
RULES = CutRules(17, 30, 50)


def objective_for(
    clips: ClipAnalysis, style: str, total: int, bpm: float, seed: int, must_use: frozenset[int]
) -> Objective:
    footage = Footage(
        clips, usable_stretches(clips, FPS), style_of(style).edit, Format.REEL.frame_size, FPS, seed
    )
    ruler = rulers(steady_music(bpm, total / 10 + 3), total, RULES, FPS.fraction)[0]
    return Objective(footage, style_of(style).edit, ruler, RULES, 10.0, must_use)


def best_by_trying(space: Space) -> int | None:
    """Units of the best edit of a space that keeps every rule, found by making each one."""
    objective, footage = space.objective, space.objective.footage
    offset = footage.offset
    best: int | None = None

    def overlaps(piece: Piece, others: tuple[Piece, ...]) -> bool:
        gap = footage.stretches[piece.stretch].gap
        return any(
            other.stretch == piece.stretch
            and piece.start < other.end + gap
            and other.start < piece.end + gap
            for other in others
        )

    def go_on(pieces: tuple[Piece, ...], frame: int) -> None:
        nonlocal best
        if frame == len(space.frames) - 1:
            used = {footage.stretches[piece.stretch].clip for piece in pieces}
            if objective.must_use <= used:
                units = objective.points(
                    pieces, next(hook.points for hook in space.hooks if hook.piece == pieces[0])
                )
                best = units if best is None else max(best, units)
            return
        for arc in range(int(space.first_arc[frame]), int(space.first_arc[frame + 1])):
            for place in range(len(space.places.at)):
                piece = space.piece(place, int(space.lengths[space.arc_length[arc]]))
                assert int(offset[piece.stretch]) + piece.start == int(space.places.at[place])
                if piece.end <= footage.stretches[piece.stretch].frames and not overlaps(
                    piece, pieces
                ):
                    go_on((*pieces, piece), int(space.arc_to[arc]))

    for hook in space.hooks:
        go_on((hook.piece,), 0)
    return best


@st.composite
def small_spaces(draw: st.DrawFn) -> Space:
    """1 to 3 clips, 5 or 6 places, 2 or 3 cuts after one of up to two hooks: hundreds to thousands
    of edits.
    """
    seed = draw(st.integers(0, 10**6))
    lengths = draw(st.lists(st.integers(60, 150), min_size=1, max_size=3))
    clips = []
    for index, length in enumerate(lengths):
        middle = length // 2
        # Few fingerprints, so that cuts look alike now and then.
        prints = [f"{draw(st.sampled_from([0, 3, 2**63, 2**40 - 1])):016x}" for _ in range(2)]
        moments = [
            moment(index, number, a / 10, b / 10, seed=seed, fingerprint=prints[number])
            for number, (a, b) in enumerate(pairwise((0, middle, length)))
        ]
        clips.append((facts(f"c{index}", length / 10, fps=FPS), moments))
    total = draw(st.integers(17 + 60, 17 + 130))
    must_use = frozenset(draw(st.sets(st.integers(0, len(lengths) - 1), max_size=2)))
    objective = objective_for(
        analysis(clips),
        draw(st.sampled_from(list(STYLES))),
        total,
        draw(st.floats(60, 180)),
        seed,
        must_use,
    )
    at = st.integers(0, objective.footage.total_frames - 40)
    usable = [
        place
        for place in draw(st.lists(at, min_size=5, max_size=6, unique=True))
        if objective.places(np.asarray([place])).free[0] >= RULES.min_frames
    ]
    assume(len(usable) >= 3)
    hooks = [
        HookPlace(Piece(0, start, 17), draw(st.integers(0, 200_000)))
        for start in draw(st.sampled_from([[0], [20], [0, 40]]))
    ]
    inner = draw(st.lists(st.integers(17 + 30, total - 30), min_size=1, max_size=5, unique=True))
    try:
        return Space(
            objective, np.asarray(sorted(usable)), np.asarray([17, *sorted(inner), total]), hooks
        )
    except AssertionError:
        assume(False)
        raise


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(small_spaces(), st.integers(0, 10**6))
def test_the_bound_holds_for_any_prices_and_the_search_finds_the_best_within_its_gap(
    space: Space, dice: int
) -> None:
    truth = best_by_trying(space)
    random = np.random.default_rng(dice)
    objective = space.objective
    first = Prices.first(objective)
    wild = first.moved(*(random.normal(0, size, len(price)) for size, price in ((900, first.frame), (5e4, first.use), (5e4, first.look))), random.normal(0, 5e4, len(first.bonus)))  # fmt: skip  # noqa: E501
    search = SpaceSearch(objective, tight=True)
    search.search(space)
    if truth is None:
        assert search.edit is None
        return
    for prices in (first, wild):
        assert Solved(space, prices).bound >= truth
    assert search.edit is not None
    assert search.edit.units == objective.points(
        search.edit.pieces, space.hooks[search.edit.hook].points
    )
    assert search.edit.units <= truth <= search.bound
    # So few edits are all looked at: what is found is the best, and known to be.
    assert search.edit.units == truth


@pytest.mark.parametrize("style", list(STYLES))
def test_a_larger_edit_is_within_two_percent_of_its_bound(style: str) -> None:
    clips = analysis(
        [
            (facts(f"c{i}", 20, fps=FPS), [moment(i, k, k * 4, k * 4 + 4) for k in range(5)])
            for i in range(12)
        ]
    )
    objective = objective_for(clips, style, 300, 120, 1, frozenset())
    hook = HookPlace(Piece(0, 0, 17), 100_000)
    best = best_edit(objective, [hook], tight=False)
    assert best.edit.units == objective.points(best.edit.pieces, hook.points)
    assert best.edit.units <= best.bound <= best.edit.units + 0.02 * abs(best.bound)
