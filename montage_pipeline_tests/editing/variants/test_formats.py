"""One edit in every shape: the same footage, and what the subject's middle says of the crop."""

import pytest

from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.editing.variants.formats import in_format
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.editing.footage import steady_clips, steady_music
from montage_pipeline_tests.editing.requests import edit_request


@pytest.mark.parametrize("shape", Format)
def test_an_edit_is_framed_as_if_it_were_planned_in_that_shape(shape: Format) -> None:
    clips, music = steady_clips(4, 20, moment_s=5), steady_music(120, 40)
    reel = plan_timeline(edit_request(15), clips, music)
    other = in_format(reel, clips, shape)
    assert (other.width, other.height) == shape.frame_size
    assert other.format is shape
    for segment, framed in zip(reel.segments, other.segments, strict=True):
        same = {"crop": segment.crop, "crop_end": segment.crop_end}
        assert framed.model_copy(update=same) == segment
        ratio = framed.crop.width / framed.crop.height
        assert ratio == pytest.approx(other.width / other.height, rel=0.01)
    # The frames of the shape it was planned in are those that the planner chose.
    assert in_format(other, clips, Format.REEL).segments == reel.segments


@pytest.mark.parametrize("shape", Format)
def test_a_preview_has_the_shape_of_its_reel(shape: Format) -> None:
    width, height = shape.frame_size
    small = shape.preview_size
    assert small.width * height == small.height * width
    assert small.width % 2 == small.height % 2 == 0
    assert 0.5 <= small.width / width < 0.51
