"""Words are read where they stand."""

import cv2
import numpy as np

from montage_pipeline.footage.measuring.overlays.words import words_in
from montage_pipeline_tests.footage.measuring.overlays.drawing import HEIGHT, WIDTH, with_text

GREY = np.full((HEIGHT, WIDTH), 110, np.uint8)


def test_a_line_is_read_where_it_stands() -> None:
    (word,) = words_in(with_text("Harbour 27", 0.1, 0.5)(GREY))
    assert word.text.replace(" ", "") == "Harbour27"
    assert word.score > 0.8
    assert abs(word.turned) < 4
    assert abs(word.box.x - 0.1) < 0.03
    assert word.box.y < 0.5 < word.box.y + word.box.height + 0.03
    assert word.parts == (word.box,)


def test_the_parts_of_a_slanting_line_lie_along_it() -> None:
    level = with_text("Northlight", 0.3, 0.5, scale=1.2)(GREY)
    turn = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), 20, 1)
    slanting = cv2.warpAffine(level, turn, (WIDTH, HEIGHT), borderValue=(110,))
    (word,) = words_in(np.asarray(slanting, dtype=np.uint8))

    assert 12 < -word.turned < 28
    assert len(word.parts) > 2
    covered = sum(part.width * part.height for part in word.parts)
    assert covered < 0.8 * word.box.width * word.box.height
    rises = [part.y for part in word.parts]
    assert rises == sorted(rises, reverse=True)


def test_nothing_is_read_where_nothing_is_written() -> None:
    assert words_in(GREY) == []
