"""What a page is told of an edit is what the edit shows."""

from types import SimpleNamespace
from typing import cast
from uuid import uuid4

import pytest

from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.orchestration.assets.edits.edit_view import edit_view
from montage_pipeline.orchestration.steps import StepScope
from montage_pipeline_tests.editing.footage import steady_clips, steady_music
from montage_pipeline_tests.editing.requests import edit_request


def test_a_slowed_segment_ends_where_it_ends_in_its_clip() -> None:
    analysis, music = steady_clips(4, 25.0), steady_music(120, 40.0)
    planned = plan_timeline(edit_request(12.0), analysis, music)
    first, *others = planned.segments
    slowed = planned.model_copy(
        update={"segments": (first.model_copy(update={"speed": 0.5}), *others)}
    )
    scope = cast(StepScope, SimpleNamespace(request=SimpleNamespace(id=uuid4())))

    view = edit_view(scope, slowed, analysis, music, "place")
    for shown, segment in zip(view.segments, slowed.segments, strict=True):
        span = segment.source_span(slowed.fps.fraction)
        assert (shown.start_s, shown.end_s) == pytest.approx((span.start_s, span.end_s))
    assert view.segments[0].end_s - view.segments[0].start_s == pytest.approx(
        first.frames / view.fps / 2
    )
