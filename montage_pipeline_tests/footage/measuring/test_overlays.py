"""Borders and logos are found where they were put, and not on clean footage."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from montage_pipeline.footage.measuring.overlays import logos, picture_box
from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline_tests.footage.media import scenery

WIDTH, HEIGHT = 512, 288
Put = Callable[[Plane], Plane]


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> list[Plane]:
    """A camera that goes along two sceneries."""
    folder = tmp_path_factory.mktemp("walk")
    shots = []
    for seed in (3, 8):
        wide = cv2.imread(str(scenery(folder / f"{seed}.png", seed=seed)), cv2.IMREAD_GRAYSCALE)
        assert wide is not None
        shots += [
            wide[40 : 40 + HEIGHT, at : at + WIDTH].astype(np.uint8) for at in range(0, 800, 100)
        ]
    return shots


def dark(picture: Plane) -> Plane:
    return np.asarray(picture * 0.12, dtype=np.uint8)


def with_text(
    words: str, x: float, y: float, scale: float, level: int = 245, strength: float = 1.0
) -> Put:
    def put(picture: Plane) -> Plane:
        drawn = picture.copy()
        place = (int(x * WIDTH), int(y * HEIGHT))
        cv2.putText(drawn, words, place, cv2.FONT_HERSHEY_DUPLEX, scale, level, 1, cv2.LINE_AA)
        return np.asarray(strength * drawn + (1 - strength) * picture, dtype=np.uint8)

    return put


def boxed(top: float, left: float, level: int) -> Put:
    def put(picture: Plane) -> Plane:
        framed = np.full_like(picture, level)
        rows, columns = round(top * HEIGHT), round(left * WIDTH)
        inner = cv2.resize(
            picture, (WIDTH - 2 * columns, HEIGHT - 2 * rows), interpolation=cv2.INTER_AREA
        )
        framed[rows : HEIGHT - rows, columns : WIDTH - columns] = inner
        return framed

    return put


@pytest.mark.parametrize(
    ("top", "left"),
    [(0.125, 0.0), (0.03, 0.0), (0.0, 0.34), (0.1, 0.1)],
    ids=["letterbox", "thin", "pillarbox", "window"],
)
@pytest.mark.parametrize("level", [0, 16, 255, 90])
def test_borders_of_any_level_are_found_to_the_pixel(
    walk: list[Plane], top: float, left: float, level: int
) -> None:
    box = picture_box([boxed(top, left, level)(picture) for picture in walk])
    assert box is not None
    found = (box.y, 1 - box.y - box.height, box.x, 1 - box.x - box.width)
    for share, wanted, side in zip(
        found, (top, top, left, left), (HEIGHT, HEIGHT, WIDTH, WIDTH), strict=True
    ):
        assert wanted - 1 / side <= share <= wanted + 3 / side


def test_footage_without_borders_has_none(walk: list[Plane]) -> None:
    assert picture_box(walk) is None
    assert picture_box([dark(picture) for picture in walk]) is None
    bright_sky = [picture.copy() for picture in walk]
    for picture in bright_sky:
        picture[: HEIGHT // 3] = 255
    assert picture_box(bright_sky) is None, "a sky is on one side only"
    assert picture_box([np.zeros((HEIGHT, WIDTH), np.uint8)] * 8) is None, (
        "black footage is all picture, or none"
    )


@pytest.mark.parametrize("strength", [1.0, 0.5])
@pytest.mark.parametrize("corner", [(0.05, 0.12), (0.74, 0.12), (0.74, 0.94)])
def test_logo_in_a_corner_is_found_there(
    walk: list[Plane], strength: float, corner: tuple[float, float]
) -> None:
    put = with_text("@studio", *corner, 0.7, strength=strength)
    found = logos([put(picture) for picture in walk])
    assert found
    for box in found:
        assert corner[0] - 0.03 <= box.x <= box.x + box.width <= corner[0] + 0.28
        assert corner[1] - 0.13 <= box.y <= box.y + box.height <= corner[1] + 0.07


def test_no_logo_where_none_is_or_nothing_can_be_told(walk: list[Plane]) -> None:
    assert logos(walk) == ()
    assert logos([dark(picture) for picture in walk]) == ()
    chance = np.random.default_rng(1)
    still = [
        np.clip(walk[0] + chance.normal(0, 3, walk[0].shape), 0, 255).astype(np.uint8)
        for _ in range(8)
    ]
    assert logos(still) == (), "in front of a camera at rest everything stays"
    assert (
        logos(
            [boxed(0.1, 0.0, 0)(picture) for picture in walk],
            picture_box([boxed(0.1, 0.0, 0)(picture) for picture in walk]),
        )
        == ()
    )
