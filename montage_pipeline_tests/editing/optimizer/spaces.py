"""Small search spaces whose every edit can be tried."""

from itertools import pairwise

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.editing.beats import rulers
from montage_pipeline.editing.context import PlanContext
from montage_pipeline.editing.footage_line import footage_line
from montage_pipeline.editing.optimizer.objective import Objective
from montage_pipeline.editing.optimizer.space import HookPlace, Space
from montage_pipeline.editing.packing import CutRules, Piece
from montage_pipeline.footage.model import FrameRate
from montage_pipeline.styles import STYLES
from montage_pipeline_tests.editing.footage import analysis, facts, moment, steady_music
from montage_pipeline_tests.editing.requests import edit_request

FPS = FrameRate(num=10, den=1)
RULES = CutRules(17, 30, 50)


def objective_for(
    clips: ClipAnalysis,
    total: int,
    *,
    style: str,
    seed: int,
    bpm: float = 120,
    must_use: frozenset[int] = frozenset(),
    short_cuts: bool = False,
) -> Objective:
    """The objective for a Reel of `total` frames at 10 fps."""
    track = steady_music(bpm, total / 10 + 3)
    request = edit_request(total / 10, style, seed, fps=FPS, short_cuts=short_cuts)
    context = PlanContext.of(request, clips, track)
    ruler = rulers(track, total, RULES, FPS.fraction)[0]
    return Objective(footage_line(context), ruler, RULES, must_use)


@st.composite
def small_spaces(draw: st.DrawFn) -> Space:
    """1 to 3 clips and perhaps two that only a short cut can show, 5 or 6 places, 2 or 3 cuts after
    one of up to two hooks: hundreds to thousands of edits.
    """
    seed = draw(st.integers(0, 10**6))
    lengths = draw(st.lists(st.integers(60, 150), min_size=1, max_size=3))
    short = draw(st.lists(st.integers(14, 28), max_size=2))
    lengths += short
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
    objective = objective_for(
        analysis(clips),
        total,
        style=draw(st.sampled_from(list(STYLES))),
        seed=seed,
        bpm=draw(st.floats(60, 180)),
        must_use=frozenset(draw(st.sets(st.integers(0, len(lengths) - 1), max_size=2))),
        short_cuts=bool(short),
    )
    at = st.integers(0, objective.footage.total_frames - (14 if short else 40))
    drawn = objective.places(np.asarray(draw(st.lists(at, min_size=5, max_size=6, unique=True))))
    usable = drawn.at[drawn.free >= drawn.least].tolist()
    # A clip of which little can be shown is hit seldom.
    usable += [
        int(objective.footage.offset[number])
        for number in np.flatnonzero(objective.is_short)
        if objective.footage.offset[number] not in usable
    ]
    assume(len(usable) >= 3)
    hooks = [
        HookPlace(Piece(0, start, 17), draw(st.integers(0, 200_000)))
        for start in draw(st.sampled_from([[0], [20], [0, 40]]))
    ]
    least = min(RULES.min_frames, objective.shortest)
    cuts = st.integers(17 + least, total - least)
    inner = draw(st.lists(cuts, min_size=1, max_size=5, unique=True))
    try:
        return Space(
            objective, np.asarray(sorted(usable)), np.asarray([17, *sorted(inner), total]), hooks
        )
    except AssertionError:
        assume(False)
        raise
