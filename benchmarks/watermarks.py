"""Measure finding watermarks: how many of those drawn over real footage are found, by opacity, and
what is taken for one in footage that has none.

    python -m benchmarks.watermarks --footage DIR [--footage DIR ...] [--write] [--save DIR]

Every clip is read as the analysis samples it, and marks are drawn into its frames before they are
made small: words in several typefaces and logos, white and black, of several sizes, in corners, in
the middle and tiled. One counts as found when the boxes hold half of what was drawn, and are not
more than four times as large. Every second clip (by name, of those that move and of the others) is
for development, and constants are chosen on those alone; the others are held out. Where neither the
camera nor most of the frame moves, nothing can be told: such clips count for false alarms only.
Clips with a watermark or a burnt-in title of their own (`MARKED`) count for neither.
"""

import argparse
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import manimgx_fonts
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmarks import report
from montage_pipeline.errors import PermanentError
from montage_pipeline.footage.container import open_clip
from montage_pipeline.footage.measuring.measures import OVERLAY_FRAMES, SAMPLE_S, SHOWN_SIDE
from montage_pipeline.footage.measuring.overlays.borders import box_inside_borders
from montage_pipeline.footage.measuring.overlays.logos import MIN_FRAMES, logos
from montage_pipeline.footage.measuring.planes import Plane, planes_of, scaled_to, small_luma
from montage_pipeline.footage.model import Box, FetchedClip
from montage_pipeline.footage.probe import probe

Mask = NDArray[np.float32]
"""How much of each pixel a mark covers, 0..1."""

OPACITIES = (0.1, 0.2, 0.4)
RECALL_GOAL, FALSE_ALARM_GOAL = 0.9, 0.02
MARKED = ("vl_sample_demo_1", "talking-720p", "big-buck-bunny-30s", "testsrc-hevc", "sar-2by3")

_SIDE = 640  # pixels, in which marks are drawn
_SECONDS = 60.0  # of a clip that are read
_MOVES, _CHANGED_LEVELS = 0.5, 6  # share of the frame that must change, and by how much
_FOUND, _MAX_TOO_LARGE = 0.5, 4.0
_REACH = 0.03  # of the frame's longer side, that belongs to a mark around what is drawn
_FONTS = Path(manimgx_fonts.__file__).parent


class Clip(NamedTuple):
    """A clip's frames, large; whether it is held out, and whether most of it moves."""

    name: str
    frames: list[Plane]
    held_out: bool
    moves: bool


class Mark(NamedTuple):
    """A mark in the shape of a frame: what it covers, and its level (0..255)."""

    mask: Mask
    level: int


class Result(NamedTuple):
    """A clip: false alarms without a mark, and for every opacity which marks were found."""

    clip: Clip
    alarms: tuple[Box, ...]
    found: dict[float, list[bool]]


def clips(folders: Sequence[Path]) -> Iterator[Clip]:
    """Every clip of the folders that is long enough, by name."""
    paths = sorted(
        (path for folder in folders for path in folder.iterdir() if path.is_file()),
        key=lambda path: path.name,
    )
    numbers = {True: 0, False: 0}
    for path in paths:
        frames = _frames(path)
        if len(frames) >= MIN_FRAMES:
            moves = _moves(frames)
            yield Clip(path.stem, frames, bool(numbers[moves] % 2), moves)
            numbers[moves] += 1


def _frames(path: Path) -> list[Plane]:
    """Frames as often as the analysis keeps them; none of what is no clip."""
    fetched = FetchedClip(url=path.as_uri(), path=path, sha256="0" * 64, bytes=path.stat().st_size)
    try:
        facts = probe(fetched)
    except PermanentError:
        return []
    every_s = SAMPLE_S / 2 if facts.duration_s < OVERLAY_FRAMES * SAMPLE_S else SAMPLE_S
    frames: list[Plane] = []
    next_s = facts.start_s
    with open_clip(path) as container:
        for frame in container.decode(container.streams[facts.video_stream]):
            if not isinstance(frame, VideoFrame):
                continue
            time_s = float(frame.time or 0.0)
            if time_s > facts.start_s + _SECONDS:
                break
            if time_s >= next_s:
                next_s = time_s + every_s
                frames.append(small_luma(planes_of(frame, facts), facts, _SIDE))
    places = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), OVERLAY_FRAMES)).round())
    return [frames[int(place)] for place in places]


def _moves(frames: Sequence[Plane]) -> bool:
    small = np.stack([scaled_to(frame, 160).astype(np.float32) for frame in frames])
    changed = np.abs(small - np.median(small, axis=0)) >= _CHANGED_LEVELS
    return float(np.median(changed.mean(axis=(1, 2)))) >= _MOVES


def marks(clip: Clip) -> Iterator[Mark]:
    """Marks for a clip, drawn by its name's chance."""
    shape = clip.frames[0].shape
    seed = int.from_bytes(hashlib.sha256(clip.name.encode()).digest()[:4], "big")
    random = np.random.default_rng(seed)
    masks = [
        _words(shape, "shutterstock", "NotoSans[wght].ttf", 0.09, (0.5, 0.5)),
        _words(shape, "PREVIEW", "NotoSans[wght].ttf", 0.16, _place(random), angle=25),
        _words(shape, "clideo.com", "NotoSans-Italic[wght].ttf", 0.06, (0.78, 0.9)),
        _words(shape, "@my.studio", "NotoSansGeorgian[wght].ttf", 0.06, _place(random)),
        _drawn_words(shape, "Sample Films", cv2.FONT_HERSHEY_COMPLEX, 0.08, _place(random)),
        _tiled(_words(shape, "stock", "NotoSans[wght].ttf", 0.07, (0.15, 0.15), angle=20)),
        _ring(shape, 0.1, _place(random)),
        _camera(shape, 0.09, (0.12, 0.14)),
    ]
    for number, mask in enumerate(masks):
        yield Mark(mask, 0 if number % 4 == 3 else 255)


def _place(random: np.random.Generator) -> tuple[float, float]:
    return float(random.uniform(0.3, 0.7)), float(random.uniform(0.2, 0.8))


def _words(
    shape: tuple[int, ...],
    words: str,
    font: str,
    height: float,
    centre: tuple[float, float],
    angle: float = 0,
) -> Mask:
    """Words of a height (share of the shorter side) about a place (shares of the frame)."""
    rows, columns = shape
    face = ImageFont.truetype(str(_FONTS / font), round(1.35 * height * min(shape)))
    left, top, right, bottom = (round(side) for side in face.getbbox(words))
    layer = Image.new("L", (right - left + 4, bottom - top + 4), 0)
    ImageDraw.Draw(layer).text((2 - left, 2 - top), words, font=face, fill=255)
    if angle:
        layer = layer.rotate(angle, expand=True, resample=Image.Resampling.BICUBIC)
    image = Image.new("L", (columns, rows), 0)
    x, y = centre
    image.paste(layer, (round(x * columns - layer.width / 2), round(y * rows - layer.height / 2)))
    return _mask(np.asarray(image))


def _drawn_words(
    shape: tuple[int, ...], words: str, font: int, height: float, centre: tuple[float, float]
) -> Mask:
    """Words in a typeface of strokes."""
    image = np.zeros(shape, np.uint8)
    scale = height * min(shape) / cv2.getTextSize("S", font, 1, 1)[0][1]
    thick = max(1, round(scale))
    (wide, high), _ = cv2.getTextSize(words, font, scale, thick)
    x, y = round(centre[0] * shape[1] - wide / 2), round(centre[1] * shape[0] + high / 2)
    cv2.putText(image, words, (x, y), font, scale, 255, thick, cv2.LINE_AA)
    return _mask(image)


def _tiled(mask: Mask) -> Mask:
    """A mark repeated over the frame, three times each way."""
    rows, columns = mask.shape
    shifts = [(rows * i // 3, columns * j // 3) for i in range(3) for j in range(3)]
    tiles = [np.roll(mask, shift, axis=(0, 1)) for shift in shifts]
    return np.asarray(np.max(tiles, axis=0), dtype=np.float32)


def _ring(shape: tuple[int, ...], size: float, centre: tuple[float, float]) -> Mask:
    image = np.zeros(shape, np.uint8)
    radius = round(size * min(shape))
    middle = round(centre[0] * shape[1]), round(centre[1] * shape[0])
    cv2.circle(image, middle, radius, 255, max(2, radius // 5), cv2.LINE_AA)
    cv2.circle(image, middle, radius // 2, 255, -1, cv2.LINE_AA)
    return _mask(image)


def _camera(shape: tuple[int, ...], size: float, centre: tuple[float, float]) -> Mask:
    image = np.zeros(shape, np.uint8)
    half = round(size * min(shape))
    x, y = round(centre[0] * shape[1]), round(centre[1] * shape[0])
    thick = max(2, half // 6)
    cv2.rectangle(image, (x - half, y - 2 * half // 3), (x + half, y + 2 * half // 3), 255, thick)
    cv2.circle(image, (x, y), half // 2, 255, thick, cv2.LINE_AA)
    return _mask(image)


def _mask(image: NDArray[np.uint8]) -> Mask:
    return np.asarray(image, dtype=np.float32) / np.float32(255)


def found_in(frames: Sequence[Plane]) -> tuple[Box, ...]:
    """What the analysis would find."""
    small = [scaled_to(frame, SHOWN_SIDE) for frame in frames]
    return logos(small, box_inside_borders(small))


def drawn(frames: Sequence[Plane], mark: Mark, opacity: float) -> list[Plane]:
    """Frames with a mark."""
    cover = opacity * mark.mask
    return [(frame * (1 - cover) + mark.level * cover + 0.5).astype(np.uint8) for frame in frames]


def is_found(found: Sequence[Box], mark: Mark) -> bool:
    """Whether boxes hold enough of a mark, and not much beside it."""
    rows, columns = mark.mask.shape
    inside = np.zeros(mark.mask.shape, dtype=np.bool_)
    for box in found:
        high = slice(int(box.y * rows), round((box.y + box.height) * rows))
        inside[high, int(box.x * columns) : round((box.x + box.width) * columns)] = True
    reach = round(_REACH * max(rows, columns))
    own = cv2.dilate((mark.mask > 0).astype(np.uint8), np.ones((reach, reach), np.uint8))
    held = float(mark.mask[inside].sum()) / float(mark.mask.sum())
    return held >= _FOUND and float(inside.sum()) <= _MAX_TOO_LARGE * float(own.sum())


def measured(clip: Clip, save: Path | None) -> Result:
    """Look at a clip without a mark, and with each."""
    alarms = found_in(clip.frames)
    if save is not None:
        _save(save / f"{clip.name}.png", clip.frames, alarms)
    found: dict[float, list[bool]] = {opacity: [] for opacity in OPACITIES}
    if clip.moves and clip.name not in MARKED:
        for number, mark in enumerate(marks(clip)):
            for opacity in OPACITIES:
                frames = drawn(clip.frames, mark, opacity)
                boxes = found_in(frames)
                found[opacity].append(is_found(boxes, mark))
                if save is not None:
                    _save(save / f"{clip.name}-{number}-{opacity:.0%}.png", frames, boxes)
    return Result(clip, alarms, found)


def _save(path: Path, frames: Sequence[Plane], boxes: Sequence[Box]) -> None:
    image = cv2.cvtColor(frames[len(frames) // 2], cv2.COLOR_GRAY2BGR)
    rows, columns = image.shape[:2]
    for box in boxes:
        first = round(box.x * columns), round(box.y * rows)
        last = round((box.x + box.width) * columns), round((box.y + box.height) * rows)
        cv2.rectangle(image, first, last, (0, 0, 255), 2)
    cv2.imwrite(str(path), image)


def text_of(results: Sequence[Result]) -> str:
    """The tables."""
    summary = []
    for name, held_out in (("development", False), ("held out", True)):
        part = [result for result in results if result.clip.held_out == held_out]
        clean = [result for result in part if result.clip.name not in MARKED]
        alarms = sum(bool(result.alarms) for result in clean)
        marked = [result for result in part if any(result.found.values())]
        shares = [_share([hit for r in marked for hit in r.found[o]]) for o in OPACITIES]
        every = [hit for r in marked for hits in r.found.values() for hit in hits]
        rate = f"{alarms} of {len(clean)}"
        summary.append([name, str(len(marked)), *shares, _share(every), rate])
    head = ("clips", "with marks", *(f"{o:.0%}" for o in OPACITIES), "all", "false alarms")
    rows = [
        [
            result.clip.name,
            "held out" if result.clip.held_out else "development",
            str(len(result.clip.frames)),
            *(_share(result.found[opacity]) for opacity in OPACITIES),
            "its own" if result.clip.name in MARKED else ("yes" if result.alarms else "no"),
        ]
        for result in results
    ]
    by_clip = ("clip", "part", "frames", *(f"{o:.0%}" for o in OPACITIES), "finds one unmarked")
    return (
        f"Eight marks a clip, share found by opacity (goal {RECALL_GOAL:.0%}; false alarms "
        f"{FALSE_ALARM_GOAL:.0%} of the clips without a mark). {report.machine()}.\n\n"
        + report.table(head, summary)
        + "\n"
        + report.table(by_clip, rows)
    )


def _share(hits: Sequence[bool]) -> str:
    return f"{np.mean(hits):.0%}" if hits else ""


def main() -> None:
    """Print the tables, and put them into docs/benchmarks.md when asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--footage", type=Path, action="append", required=True)
    parser.add_argument("--only", help="clips of one part: development or held-out")
    parser.add_argument("--save", type=Path, help="folder for frames with what was found drawn in")
    parser.add_argument("--write", action="store_true", help="put tables into docs/benchmarks.md")
    arguments = parser.parse_args()
    if arguments.save is not None:
        arguments.save.mkdir(parents=True, exist_ok=True)
    results = [
        measured(clip, arguments.save)
        for clip in clips(arguments.footage)
        if arguments.only is None or (arguments.only == "held-out") == clip.held_out
    ]
    text = text_of(results)
    print(text)
    if arguments.write:
        report.write("watermarks", text)


if __name__ == "__main__":
    main()
