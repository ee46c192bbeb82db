"""Writing is found where it was put, small and large, and not in what only looks like it."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from montage_pipeline.captions.fonts import runs_of
from montage_pipeline.footage.measuring.lettering import writing
from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline.footage.model import Box
from montage_pipeline_tests.footage.media import scenery

WIDTH, HEIGHT = 512, 288
TITLES = ("SUMMER 2025", "Big Sale", "DAY ONE", "my trip", "HELLO", "Wait for it...", "THE END")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Plane]:
    """Places along four sceneries, sharp, soft, and with blown highlights."""
    folder = tmp_path_factory.mktemp("sceneries")
    found: list[Plane] = []
    for seed in (3, 8, 9):
        wide = cv2.imread(str(scenery(folder / f"{seed}.png", seed=seed)), cv2.IMREAD_GRAYSCALE)
        assert wide is not None
        for at in range(0, 800, 200):
            sharp = wide[40 : 40 + HEIGHT, at : at + WIDTH]
            found += [sharp.astype(np.uint8), cv2.GaussianBlur(sharp, (0, 0), 3).astype(np.uint8)]
            found.append(np.clip(sharp * 1.6, 0, 255).astype(np.uint8))
    return found


def lettered(
    picture: Plane,
    words: str,
    height: int,
    level: int,
    *,
    outline: bool = False,
    tight: bool = False,
) -> tuple[Plane, Box]:
    """The picture with bold words in its middle, capitals `height` pixels high, and where they are.

    `tight` letters touch.
    """
    twice = Image.fromarray(cv2.resize(picture, None, fx=2.0, fy=2.0))
    font = ImageFont.truetype(str(runs_of(words)[0].face.path), round(2 * height / 0.714))
    font.set_variation_by_axes([800])
    drawing = ImageDraw.Draw(twice)
    step = 0.85 if tight else 1.0
    ways = [
        sum(font.getlength(letter) * step for letter in words[:place])
        for place in range(len(words) + 1)
    ]
    x, y = twice.width / 2 - ways[-1] / 2, twice.height / 2 - font.size / 2
    edge = {"stroke_width": height // 8, "stroke_fill": 255 - level} if outline else {}
    for place, letter in enumerate(words):
        drawing.text((x + ways[place], y), letter, font=font, fill=level, **edge)
    box = Box(
        x=max(0.0, x / twice.width),
        y=y / twice.height,
        width=min(1.0, ways[-1] / twice.width),
        height=1.4 * font.size / twice.height,
    )
    return cv2.resize(np.asarray(twice), picture.shape[::-1], interpolation=cv2.INTER_AREA).astype(
        np.uint8
    ), box


def inside(box: Box, other: Box) -> bool:
    slack = 0.05
    across = other.x - slack <= box.x and box.x + box.width <= other.x + other.width + slack
    return (
        across and other.y - slack <= box.y and box.y + box.height <= other.y + other.height + slack
    )


def test_small_lines_are_found(pictures: list[Plane]) -> None:
    calm = [cv2.GaussianBlur(picture, (0, 0), 3).astype(np.uint8) for picture in pictures]
    for picture in calm:
        cv2.putText(
            picture, "THE BEST DAY EVER", (61, 244), cv2.FONT_HERSHEY_DUPLEX, 0.9, 0, 4, cv2.LINE_AA
        )
        cv2.putText(
            picture,
            "THE BEST DAY EVER",
            (61, 244),
            cv2.FONT_HERSHEY_DUPLEX,
            0.9,
            245,
            1,
            cv2.LINE_AA,
        )
    hits = [writing(picture) for picture in calm]
    assert sum(bool(boxes) for boxes in hits) >= 0.9 * len(hits)
    for box in (box for boxes in hits for box in boxes):
        assert 0.72 < box.y < box.y + box.height < 0.92


@pytest.mark.parametrize("height", [24, 40, 70])
@pytest.mark.parametrize("look", ["white", "black", "outlined", "tight"])
def test_titles_are_found_where_they_are(pictures: list[Plane], height: int, look: str) -> None:
    found = tried = 0
    for number, picture in enumerate(pictures):
        level = 6 if look == "black" else 250
        drawn, box = lettered(
            picture,
            TITLES[number % len(TITLES)],
            height,
            level,
            outline=look == "outlined",
            tight=look == "tight",
        )
        # White on blown highlights cannot be read; dark outlines part it from them.
        if box.width > 0.9 or (float((picture > 240).mean()) > 0.02 and look in ("white", "tight")):
            continue
        tried += 1
        boxes = [one for one in writing(drawn) if inside(one, box)]
        found += sum(one.width * one.height for one in boxes) > 0.3 * box.width * box.height
    assert tried >= 14
    assert found >= (0.85 if look == "outlined" else 0.95) * tried


def test_what_only_looks_like_it_is_none(pictures: list[Plane]) -> None:
    assert sum(bool(writing(picture)) for picture in pictures) == 0
    for thick, gap, tall in ((2, 12, 30), (8, 12, 60), (16, 40, 120), (40, 24, 150)):
        railing = np.full((HEIGHT, WIDTH), 60, np.uint8)
        for x in range(30, 480, thick + gap):
            railing[90 : 90 + tall, x : x + thick] = 235
        assert writing(railing) == (), "a railing is too even"
    chance = np.random.default_rng(2)
    for _ in range(20):
        lights = np.full((HEIGHT, WIDTH), 20, np.uint8)
        for x, y, radius in zip(
            chance.integers(20, 490, 30),
            chance.integers(20, 260, 30),
            chance.integers(3, 30, 30),
            strict=True,
        ):
            cv2.circle(lights, (int(x), int(y)), int(radius), 255, -1, cv2.LINE_AA)
        assert writing(lights) == (), "lights do not stand on a line"


def test_the_same_words_are_counted_once(pictures: list[Plane]) -> None:
    drawn, box = lettered(pictures[1], "SUMMER", 30, 250)
    boxes = writing(drawn)
    assert sum(one.width * one.height for one in boxes) <= 1.1 * box.width * box.height


@pytest.mark.parametrize("shape", [(1, 512), (2, 512), (512, 1), (3, 3), (1, 1)])
def test_pictures_of_any_shape_are_looked_at(shape: tuple[int, int]) -> None:
    chance = np.random.default_rng(4)
    for picture in (np.full(shape, 250, np.uint8), chance.integers(0, 256, shape).astype(np.uint8)):
        assert writing(picture) == ()
