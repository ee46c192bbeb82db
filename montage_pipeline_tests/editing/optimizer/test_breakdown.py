"""The named terms of an edit add up to the objective's value of it."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from montage_pipeline.analysis.model import Overlay
from montage_pipeline.editing.context import PlanContext
from montage_pipeline.editing.footage_line import footage_line
from montage_pipeline.editing.optimizer.breakdown import Breakdown, breakdown
from montage_pipeline.editing.optimizer.objective import POINT, Opening
from montage_pipeline.editing.optimizer.space import Space
from montage_pipeline.editing.optimizer.terms import Term
from montage_pipeline.editing.originality import footage_shown
from montage_pipeline.editing.packing import Piece
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.editing.stages.chosen_edit import chosen_edit, opening
from montage_pipeline.editing.stages.length import possible_length
from montage_pipeline.editing.stages.wishes import resolved_wishes
from montage_pipeline.footage.model import Box
from montage_pipeline_tests.editing.footage import steady_clips, steady_music
from montage_pipeline_tests.editing.optimizer.spaces import small_spaces
from montage_pipeline_tests.editing.requests import QUICK_AND_SLOW, edit_request

ROUNDED = 1.5
"""Units by which a segment's terms may differ from the objective's: it rounds three sums for each,
of the piece, of the change, and of going on.
"""


@st.composite
def spaces_and_pieces(draw: st.DrawFn) -> tuple[Space, tuple[Piece, ...]]:
    """A space with pieces of it in order of time, which may overlap: the objective takes the rules
    as kept.
    """
    space = draw(small_spaces())
    pieces, frame = [draw(st.sampled_from(space.hooks)).piece], 0
    while frame < len(space.arcs.cuts) - 1:
        arcs = range(int(space.arcs.first[frame]), int(space.arcs.first[frame + 1]))
        arc = draw(st.sampled_from(arcs))
        length = int(space.arcs.frames[arc])
        places = space.places
        fitting = np.flatnonzero((places.least <= length) & (length <= places.free)).tolist()
        if not fitting:
            break
        pieces.append(space.piece(draw(st.sampled_from(fitting)), length))
        frame = int(space.arcs.end[arc])
    return space, tuple(pieces)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(spaces_and_pieces(), st.floats(0, 1), st.booleans())
def test_the_terms_of_all_segments_sum_to_the_objectives_value(
    drawn: tuple[Space, tuple[Piece, ...]], strength: float, named: bool
) -> None:
    space, pieces = drawn
    hook = Opening(pieces[0], strength, named)
    units = space.objective.points(pieces, int(space.objective.hook_points([hook])[0]))
    terms = breakdown(space.objective, pieces, hook)
    assert len(terms) == len(pieces)
    assert _units(terms) == pytest.approx(units, abs=ROUNDED * len(pieces))


@pytest.mark.parametrize("style", QUICK_AND_SLOW)
def test_they_do_for_planned_edits_with_everything_in_them(style: str) -> None:
    """Seen footage, overlays, keyframes, wishes and sparse beats."""
    overlays = (Overlay(kind="text", box=Box(x=0, y=0, width=1, height=0.1)),)
    clips = steady_clips(3, 24, moment_s=4)
    clips = clips.model_copy(
        update={
            "clips": tuple(
                clip.model_copy(
                    update={
                        "key_frames_s": tuple(1.5 * k for k in range(16)),
                        "moments": tuple(
                            moment.model_copy(update={"overlays": overlays if index else ()})
                            for moment in clip.moments
                        ),
                    }
                )
                for index, clip in enumerate(clips.clips)
            )
        }
    )
    track = steady_music(14, 60)
    first = plan_timeline(edit_request(30, style), clips, track)
    changes: dict[str, Any] = {
        "seen": footage_shown(first, clips),
        "must_use": (clips.clips[2].facts.url,),
    }
    context = PlanContext.of(edit_request(30, style, seed=2, **changes), clips, track)
    wishes = resolved_wishes(context)
    length = possible_length(context, wishes)
    chosen = chosen_edit(context, footage_line(context), wishes, length)

    terms = breakdown(chosen.objective, chosen.pieces, opening(context, chosen.hook))
    units = chosen.optimum.edit.units
    assert _units(terms) == pytest.approx(units, abs=ROUNDED * len(chosen.pieces))
    found = {term for segment in terms for term, points in segment.items() if points}
    assert {Term.OVERLAYS, Term.KEYFRAME, Term.BEAT} <= found


def _units(terms: tuple[Breakdown, ...]) -> float:
    return sum(sum(segment.values()) for segment in terms) * POINT
