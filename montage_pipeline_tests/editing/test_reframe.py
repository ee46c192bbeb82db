import pytest
from hypothesis import given
from hypothesis import strategies as st

from montage_pipeline.editing.reframe import crop_for, kept_share
from montage_pipeline.footage.model import Box
from montage_pipeline.requests.vocabulary import Format
from montage_pipeline_tests.editing.footage import facts

BOXES = st.builds(
    lambda x, y, w, h: Box(x=x, y=y, width=min(w, 1 - x), height=min(h, 1 - y)),
    st.floats(0, 0.95), st.floats(0, 0.95), st.floats(0.02, 1), st.floats(0.02, 1),
)  # fmt: skip


@given(st.integers(120, 4100), st.integers(120, 4100), st.sampled_from(list(Format)), st.none() | BOXES, st.floats(0, 1))
def test_the_crop_is_the_largest_of_its_shape_and_even(width: int, height: int, format_: Format, box: Box | None, faces: float) -> None:
    clip, size = facts("a", 5, width=width, height=height), format_.frame_size
    crop = crop_for(clip, size, ((box, 1.0),) if box else (), faces)
    assert crop.x + crop.width <= width
    assert crop.y + crop.height <= height
    assert abs(crop.width - crop.height * size.width / size.height) <= 1 or abs(crop.height - crop.width * size.height / size.width) <= 1
    assert crop.width >= width - 4 or crop.height >= height - 4
    assert crop.width % 2 == crop.height % 2 == crop.x % 2 == crop.y % 2 == 0
    if box:
        fits = box.width * width <= crop.width - 4 and box.height * height <= crop.height - 4
        # Even sides can cost a pixel at each edge of an odd picture. A person's face is put high on purpose.
        pixel_off = (1 - 2 / (box.width * width)) * (1 - 2 / (box.height * height))
        assert not fits or faces >= 0.3 or kept_share(clip, crop, box) >= pixel_off


def test_landscape_footage_in_a_reel_follows_its_subject() -> None:
    clip, size = facts("a", 5), Format.REEL.frame_size
    assert crop_for(clip, size).model_dump() == {"x": 656, "y": 0, "width": 608, "height": 1080}
    assert crop_for(clip, size, ((Box(x=0.7, y=0.3, width=0.1, height=0.2), 1.0),)).x == 1136
    assert crop_for(clip, size, ((Box(x=0.9, y=0.3, width=0.1, height=0.2), 1.0),)).x == 1312
    both = ((Box(x=0.2, y=0.3, width=0.1, height=0.2), 1.0), (Box(x=0.4, y=0.3, width=0.1, height=0.2), 3.0))
    assert crop_for(clip, size, both).x == round((0.25 * 0.25 + 0.75 * 0.45) * 960 - 152) * 2


def test_a_face_sits_in_the_upper_third_of_an_upright_crop() -> None:
    clip, size = facts("a", 5, width=1080, height=2400), Format.FEED.frame_size
    face = Box(x=0.4, y=0.4, width=0.2, height=0.1)
    crop = crop_for(clip, size, ((face, 1.0),), faces=0.9)
    assert (0.45 * 2400 - crop.y) / crop.height == pytest.approx(1 / 3, abs=0.01)
    thing = crop_for(clip, size, ((face, 1.0),), faces=0.0)
    assert (0.45 * 2400 - thing.y) / thing.height == pytest.approx(1 / 2, abs=0.01)


@pytest.mark.parametrize("size", [(1, 1), (400, 1), (1, 400), (3, 2)])
def test_even_a_picture_of_a_few_pixels_has_a_crop(size: tuple[int, int]) -> None:
    for format_ in Format:
        crop = crop_for(facts("a", 5, width=size[0], height=size[1]), format_.frame_size)
        assert 1 <= crop.width <= size[0] - crop.x
        assert 1 <= crop.height <= size[1] - crop.y
