"""Writing is found where it was put, small and large, and not in what only looks like it."""

from itertools import product

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from montage_pipeline.captions.fonts import runs_of
from montage_pipeline.footage.measuring.boxes import total_area
from montage_pipeline.footage.measuring.overlays.lasting import LastingWriting
from montage_pipeline.footage.measuring.overlays.writing import writing
from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline.footage.model import Box
from montage_pipeline_tests.footage.measuring.overlays.drawing import HEIGHT, WIDTH
from montage_pipeline_tests.footage.media import grey_scenery

TITLES = ("SUMMER 2025", "Big Sale", "DAY ONE", "my trip", "HELLO", "Wait for it...", "THE END")


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> list[Plane]:
    """Places along three sceneries, sharp, soft, and with blown highlights."""
    folder = tmp_path_factory.mktemp("sceneries")
    found: list[Plane] = []
    for seed in (3, 8, 9):
        wide = grey_scenery(folder / f"{seed}.png", seed)
        for at in range(0, 800, 200):
            sharp = wide[40 : 40 + HEIGHT, at : at + WIDTH]
            found += [sharp, cv2.GaussianBlur(sharp, (0, 0), 3).astype(np.uint8)]
            found.append(np.clip(sharp * 1.6, 0, 255).astype(np.uint8))
    return found


def lettered(
    frame: Plane,
    words: str,
    height: int,
    level: int,
    *,
    outline: bool = False,
    tight: bool = False,
) -> tuple[Plane, Box]:
    """The frame with bold words in its middle, capitals `height` pixels high, and where they are.

    `tight` letters touch.
    """
    twice = Image.fromarray(cv2.resize(frame, None, fx=2.0, fy=2.0))
    font = ImageFont.truetype(str(runs_of(words)[0].face.path), round(2 * height / 0.714))
    font.set_variation_by_axes([800])
    drawing = ImageDraw.Draw(twice)
    step = 0.85 if tight else 1.0
    ways = [
        sum(font.getlength(letter) * step for letter in words[:place])
        for place in range(len(words) + 1)
    ]
    x, y = twice.width / 2 - ways[-1] / 2, twice.height / 2 - font.size / 2
    edge = height // 8 if outline else 0
    for place, letter in enumerate(words):
        drawing.text(
            (x + ways[place], y),
            letter,
            font=font,
            fill=level,
            stroke_width=edge,
            stroke_fill=255 - level,
        )
    box = Box(
        x=max(0.0, x / twice.width),
        y=y / twice.height,
        width=min(1.0, ways[-1] / twice.width),
        height=1.4 * font.size / twice.height,
    )
    return cv2.resize(np.asarray(twice), frame.shape[::-1], interpolation=cv2.INTER_AREA).astype(
        np.uint8
    ), box


def inside(box: Box, other: Box) -> bool:
    slack = 0.05
    across = other.x - slack <= box.x and box.x + box.width <= other.x + other.width + slack
    return (
        across and other.y - slack <= box.y and box.y + box.height <= other.y + other.height + slack
    )


def test_small_lines_are_found(frames: list[Plane]) -> None:
    soft = [cv2.GaussianBlur(frame, (0, 0), 3).astype(np.uint8) for frame in frames]
    for frame in soft:
        # Light letters with a dark outline.
        for level, thickness in ((0, 4), (245, 1)):
            cv2.putText(
                frame,
                "THE BEST DAY EVER",
                (61, 244),
                cv2.FONT_HERSHEY_DUPLEX,
                0.9,
                level,
                thickness,
                cv2.LINE_AA,
            )
    hits = [writing(frame) for frame in soft]
    assert sum(bool(boxes) for boxes in hits) >= 0.9 * len(hits)
    for box in (box for boxes in hits for box in boxes):
        assert 0.72 < box.y < box.y + box.height < 0.92


@pytest.mark.parametrize(
    "words", ["SUMMER 2025", "Летний день", "Καλό ταξίδι", "夏休みの旅行", "여름 여행"]
)
def test_titles_of_any_script_last(frames: list[Plane], words: str) -> None:
    drawn, box = lettered(frames[1], words, 40, 250)
    lasting = LastingWriting()
    for _ in range(3):
        lasting.add(drawn, writing(drawn))
    first, *others = lasting.lines()
    assert others == [first, first]
    assert any(inside(line, box) and line.width > 0.6 * box.width for line in first)


def test_stripes_last_but_are_no_writing(frames: list[Plane]) -> None:
    """As a picket fence, a zebra crossing or a plaid shirt has."""
    fence = frames[1].copy()
    random = np.random.default_rng(0)
    left = 120
    while left < 380:
        wide, top = int(random.integers(2, 5)), 180 + int(random.integers(-1, 2))
        fence[top : top + 30, left : left + wide] = 245
        left += wide + 8 + int(random.integers(-1, 2))

    looks_like = writing(fence)
    assert looks_like, "or the test tests nothing"
    lasting = LastingWriting()
    for _ in range(3):
        lasting.add(fence, looks_like)
    assert list(lasting.lines()) == [(), (), ()]


def test_writing_that_is_seen_once_does_not_last(frames: list[Plane]) -> None:
    drawn, _ = lettered(frames[1], "SUMMER 2025", 40, 250)
    lasting = LastingWriting()
    for frame in (frames[1], drawn, *frames[1:4]):
        lasting.add(frame, writing(drawn) if frame is drawn else ())
    assert not any(lasting.lines())


@pytest.mark.parametrize(
    ("look", "height"),
    [
        *product(("white", "black", "outlined", "tight"), (24, 70)),
        ("white", 40),
        # Between two that are found.
        *(
            pytest.param(look, 40, marks=pytest.mark.slow)
            for look in ("black", "outlined", "tight")
        ),
    ],
)
def test_titles_are_found_where_they_are(frames: list[Plane], height: int, look: str) -> None:
    found = tried = 0
    for number, frame in enumerate(frames):
        level = 6 if look == "black" else 250
        drawn, box = lettered(
            frame,
            TITLES[number % len(TITLES)],
            height,
            level,
            outline=look == "outlined",
            tight=look == "tight",
        )
        # White on blown highlights cannot be read; dark outlines part it from them.
        if box.width > 0.9 or (float((frame > 240).mean()) > 0.02 and look in ("white", "tight")):
            continue
        tried += 1
        boxes = [found_box for found_box in writing(drawn) if inside(found_box, box)]
        found += total_area(boxes) > 0.3 * total_area([box])
    assert tried >= 14
    assert found >= (0.85 if look == "outlined" else 0.95) * tried


def test_what_only_looks_like_it_is_none(frames: list[Plane]) -> None:
    assert sum(bool(writing(frame)) for frame in frames) == 0
    for thick, gap, tall in ((2, 12, 30), (8, 12, 60), (16, 40, 120), (40, 24, 150)):
        railing = np.full((HEIGHT, WIDTH), 60, np.uint8)
        for x in range(30, 480, thick + gap):
            railing[90 : 90 + tall, x : x + thick] = 235
        assert writing(railing) == (), "a railing is too even"
    random = np.random.default_rng(2)
    for _ in range(20):
        lights = np.full((HEIGHT, WIDTH), 20, np.uint8)
        for x, y, radius in zip(
            random.integers(20, 490, 30),
            random.integers(20, 260, 30),
            random.integers(3, 30, 30),
            strict=True,
        ):
            cv2.circle(lights, (int(x), int(y)), int(radius), 255, -1, cv2.LINE_AA)
        assert writing(lights) == (), "lights do not stand on a line"


def test_the_same_words_are_counted_once(frames: list[Plane]) -> None:
    drawn, box = lettered(frames[1], "SUMMER", 30, 250)
    boxes = writing(drawn)
    assert total_area(boxes) <= 1.1 * total_area([box])


@pytest.mark.parametrize("shape", [(1, 512), (2, 512), (512, 1), (3, 3), (1, 1)])
def test_frames_of_any_shape_are_looked_at(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(4)
    for frame in (np.full(shape, 250, np.uint8), random.integers(0, 256, shape).astype(np.uint8)):
        assert writing(frame) == ()
