"""All that is kept of a clip has one size, whatever way it was shrunk."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from montage_pipeline.footage.measuring.measures import SHOWN_SIDE
from montage_pipeline.footage.measuring.overlays.averages import SIDE
from montage_pipeline.footage.measuring.planes import Planes, shrunk_to, small_luma
from montage_pipeline_tests.editing.footage import facts

SIDES = st.integers(min_value=2, max_value=900)


@example(width=406, height=720, rotation=0)
@example(width=528, height=592, rotation=270)
@given(width=SIDES, height=SIDES, rotation=st.sampled_from([0, 90, 180, 270]))
def test_shrinking_by_steps_gives_the_size_of_shrinking_at_once(
    width: int, height: int, rotation: int
) -> None:
    turned = rotation in (90, 270)
    shown = (height, width) if turned else (width, height)
    clip = facts("a", 3.0, width=shown[0], height=shown[1], rotation_deg=rotation)
    luma = np.zeros((height, width), dtype=np.uint8)
    planes = Planes(luma, luma, luma, bits=8, full_range=True)

    by_steps = shrunk_to(small_luma(planes, clip, SIDE), clip, SHOWN_SIDE)
    assert by_steps.shape == small_luma(planes, clip, SHOWN_SIDE).shape
