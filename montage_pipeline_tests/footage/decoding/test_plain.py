"""Frames that are not shown as they are stored: 3D and 360° video, and clips whose frames change
their shape or orientation, or have an alpha channel. Analysis and renderer see the same of them.
"""

from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange

from montage_pipeline.footage.decoding.packets import index_clip
from montage_pipeline.footage.decoding.plain import plain_frame
from montage_pipeline.footage.decoding.sample import frames_at
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.footage.probe import probe
from montage_pipeline.footage.rebuilding.copying import rebuild
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline_tests.footage.media import fetched, indexed
from montage_pipeline_tests.footage.strange import (
    FINE,
    RATE,
    narrowed_on_the_way,
    still_scene,
    tagged_360,
    turned_on_the_way,
)

pytestmark = pytest.mark.usefixtures("bare_footage")


def _still(path: Path, *options: str) -> np.ndarray:
    """The first frame of a clip as FFmpeg makes it, RGB."""
    image = path.with_suffix(".png")
    run_ffmpeg(["-y", "-i", str(path), *options, "-frames:v", "1", str(image)])
    found = cv2.imread(str(image))
    assert found is not None
    return found[..., ::-1].astype(int)


def test_the_flat_view_of_360_video_is_that_of_ffmpeg(tmp_path: Path) -> None:
    sphere = still_scene(tmp_path, "sphere.mp4", "scale=720:360")
    around = tagged_360(sphere, tmp_path / "around.mp4")
    facts = probe(fetched(around))
    side = facts.width
    ours = frames_at(around, facts, [0.0], side)[0].astype(int)
    window = f"v360=e:flat:h_fov=90:v_fov=90:w={side}:h={side}:interp=cubic"
    theirs = _still(sphere, "-vf", window)
    assert ours.shape == theirs.shape == (230, 230, 3)
    assert np.abs(ours - theirs).mean() < 4
    grey = [frame.mean(axis=2).astype(np.float32) for frame in (ours, theirs)]
    (across, down), _ = cv2.phaseCorrelate(*grey)
    assert abs(across) < 0.2 > abs(down)


@pytest.mark.parametrize(
    ("packing", "layout", "squeezed"),
    [(3, "hstack", "scale=320:360"), (4, "vstack", "scale=640:180")],
)
def test_one_eye_of_3d_video_is_shown_in_its_shape(
    packing: int, layout: str, squeezed: str, tmp_path: Path
) -> None:
    plain = still_scene(tmp_path, "plain.mp4")
    eyes = still_scene(
        tmp_path,
        "eyes.mp4",
        f"{squeezed},split[a][b];[b]negate[c];[a][c]{layout},setsar=1",
        output=(*FINE, "-x264-params", f"frame-packing={packing}"),
    )
    facts = probe(fetched(eyes))
    assert facts.width / facts.height == pytest.approx(16 / 9, rel=0.01)
    shown = frames_at(eyes, facts, [0.0], 640)[0].astype(int)
    wanted = cv2.resize(
        _still(plain).astype(np.uint8), (shown.shape[1], shown.shape[0]), interpolation=3
    )
    assert np.abs(shown - wanted).mean() < 6


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return turned_on_the_way(tmp_path_factory.mktemp("turned"))


def test_frames_that_are_turned_on_the_way_are_shown_upright_and_whole(turned: Path) -> None:
    clip = indexed(turned)
    facts = clip.facts
    assert (facts.width, facts.height, facts.rotation_deg) == (640, 360, 0)
    before, after = (
        frame.astype(int)
        for frame in frames_at(turned, facts, [facts.start_s + 1, facts.start_s + 3], 640)
    )
    left = (640 - 202) // 2
    assert np.abs(after[:, left + 4 : -left - 4] - before[:, left + 4 : -left - 4]).mean() < 8
    assert after[:, : left - 4].max() < 12 > after[:, -left + 4 :].max()

    measured = measure(clip)
    assert measured.facts.varies
    assert measured.decoded_frames == 2 * 2 * RATE
    sides = {round(sample.size_share, 2) for sample in measured.samples}
    assert sides == {1.0}  # they were larger than they are shown


@pytest.mark.parametrize("starts_again", [False, True], ids=["one clock", "rebuilt"])
def test_pixels_that_change_their_aspect_on_the_way_are_shown_in_it(
    starts_again: bool, tmp_path: Path
) -> None:
    path = narrowed_on_the_way(tmp_path, offset_s=0 if starts_again else 2)
    if starts_again:
        copy = tmp_path / "copy.mov"
        assert rebuild(path, copy)
        path = copy
    clip = fetched(path).model_copy(update={"rebuilt": starts_again})
    facts = probe(clip)
    assert (facts.width, facts.height, facts.sample_aspect) == (640, 360, None)
    before, after = (
        frame.astype(int)
        for frame in frames_at(path, facts, [facts.start_s + 1, facts.start_s + 3], 640)
    )
    bar = (640 - 480) // 2
    assert np.abs(after[:, bar + 4 : -bar - 4] - before[:, bar + 4 : -bar - 4]).mean() < 8
    assert after[:, : bar - 4].max() < 12 > after[:, -bar + 4 :].max()
    measured = measure(index_clip(path, facts))
    assert measured.facts.varies
    assert {round(sample.size_share, 2) for sample in measured.samples} == {1.0}


RGB_OR_GREY = (
    *("rgba", "argb", "bgra", "abgr", "rgba64be", "rgba64le"),
    *("gbrap", "gbrap10le", "gbrap12le", "ya8"),
)
"""Of full range, whatever is said of them."""


@pytest.fixture(scope="module")
def some_facts(turned: Path) -> ClipFacts:
    return probe(fetched(turned))


@pytest.mark.parametrize(
    ("pixel_format", "full_range"),
    [
        *((name, True) for name in RGB_OR_GREY),
        *(pytest.param(name, False, marks=pytest.mark.slow) for name in RGB_OR_GREY),
        *product(
            ("yuva420p", "yuva422p", "yuva444p", "yuva444p10le", "yuva444p12le"), (False, True)
        ),
    ],
)
def test_every_kind_of_transparency_ends_over_black(
    some_facts: ClipFacts, pixel_format: str, full_range: bool
) -> None:
    height, width = 360, 640
    down, across = np.mgrid[0:height, 0:width]
    shades = [down / height, across / width, 1 - down / height, across / width]
    image = np.rint(255 * np.stack(shades, axis=-1)).astype(np.uint8)
    if pixel_format == "ya8":
        image[..., :3] = image[..., :1]
    span = {
        "src_color_range": ColorRange.JPEG,
        "dst_color_range": ColorRange.JPEG if full_range else ColorRange.MPEG,
    }
    frame = VideoFrame.from_ndarray(image, format="rgba").reformat(format=pixel_format, **span)
    assert (frame.format.is_rgb or pixel_format == "ya8") == (pixel_format in RGB_OR_GREY)
    full_range = full_range or pixel_format in RGB_OR_GREY
    facts = some_facts.model_copy(
        update={"video_codec": "png", "pixel_format": pixel_format, "full_range": full_range}
    )

    plain = plain_frame(frame, facts)
    assert not any(part.is_alpha for part in plain.format.components)
    back = {
        "src_color_range": ColorRange.JPEG if full_range else ColorRange.MPEG,
        "dst_color_range": ColorRange.JPEG,
    }
    shown = plain.reformat(format="rgb24", **back).to_ndarray().astype(float)
    wanted = image[..., :3] * (image[..., 3:] / 255)
    assert np.abs(shown - wanted).max() < 6
    assert np.abs(shown - wanted).mean() < 1.5
