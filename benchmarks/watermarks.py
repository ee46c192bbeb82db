"""Measure finding watermarks: how many of those drawn over real footage are found, by opacity, and
what is taken for one where there is none.

    python -m benchmarks.watermarks --footage DIR [--footage DIR ...] [--write] [--save DIR]

Every clip is read as the analysis samples it, and marks are drawn into its frames before they are
made small (`benchmarks.marks`). One counts as found when the boxes hold half of what was drawn, and
are not more than four times as large. Every second clip (by name, of those that move and of the
others) is for development, and constants are chosen on those alone; the others are held out, and so
are the words drawn into them. Marks are told apart by whether most of what is behind them changes:
what stays over that which stays, too, can be told by nothing but its words.

False alarms are counted on the clips as they are, and on writing that belongs to the scene: printed
on it before a camera held by hand or turned slowly, and before the clip's own camera where that
stands still, so that whoever passes hides it. Clips with a watermark or a burnt-in title of their
own (`MARKED`) count for neither.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from benchmarks import report
from benchmarks.marks import Mark, Mask, drawn, marks, scene_writing
from montage_pipeline.errors import PermanentError
from montage_pipeline.footage.container import open_clip
from montage_pipeline.footage.measuring.measures import OVERLAY_FRAMES, SAMPLE_S, SHOWN_SIDE
from montage_pipeline.footage.measuring.overlays.averages import SIDE, Averager
from montage_pipeline.footage.measuring.overlays.borders import box_inside_borders
from montage_pipeline.footage.measuring.overlays.logos import MIN_FRAMES, logos
from montage_pipeline.footage.measuring.overlays.marks import all_marks
from montage_pipeline.footage.measuring.planes import Plane, planes_of, small_luma
from montage_pipeline.footage.model import Box, FetchedClip
from montage_pipeline.footage.probe import probe

OPACITIES = (0.1, 0.2, 0.4)
RECALL_GOAL, FALSE_ALARM_GOAL = 0.9, 0.02
MARKED = ("vl_sample_demo_1", "talking-720p", "big-buck-bunny-30s", "testsrc-hevc", "sar-2by3")

_SIDE = 640  # pixels, in which marks are drawn
_SECONDS = 60.0  # of a clip that are read
_MOVES, _CHANGED_LEVELS = 0.5, 6  # share of the pixels that must change, and by how much
_MOVES_SIDE = 160  # pixels, at which that is looked at
_FOUND, _MAX_TOO_LARGE = 0.5, 4.0
_REACH = 0.03  # of the frame's longer side, that belongs to a mark around what is drawn


class Clip(NamedTuple):
    """A clip's frames, large; whether it is held out, and whether most of it moves."""

    name: str
    frames: list[Plane]
    held_out: bool
    moves: bool


class Drawn(NamedTuple):
    """A mark at an opacity: its kind, whether what is behind it moves, and whether it was found."""

    kind: str
    opacity: float
    moves: bool
    found: bool


class Result(NamedTuple):
    """A clip: false alarms without a mark and on writing of the scene, and the marks drawn."""

    clip: Clip
    alarms: tuple[Box, ...]
    scenes: tuple[bool, ...]
    drawn: tuple[Drawn, ...]


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
            moves = _moves(_changed(frames))
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


def _changed(frames: Sequence[Plane], mask: Mask | None = None) -> NDArray[np.bool_]:
    """Which pixels differ from what they mostly are, in each frame (frames, pixels); of those that
    a mask covers.
    """
    small = np.stack([_scaled(frame, _MOVES_SIDE).astype(np.float32) for frame in frames])
    changed = np.abs(small - np.median(small, axis=0)) >= _CHANGED_LEVELS
    if mask is None:
        return changed.reshape(len(frames), -1)
    covered = cv2.resize(mask, small.shape[:0:-1], interpolation=cv2.INTER_AREA) > 0
    return np.asarray(changed[:, covered], dtype=np.bool_)


def _moves(changed: NDArray[np.bool_]) -> bool:
    return float(np.median(changed.mean(axis=1))) >= _MOVES


def _scaled(frame: Plane, max_side: int) -> Plane:
    scale = min(1.0, max_side / max(frame.shape))
    size = (round(frame.shape[1] * scale), round(frame.shape[0] * scale))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


def found_in(frames: Sequence[Plane]) -> tuple[Box, ...]:
    """What the analysis would find."""
    small = [_scaled(frame, SHOWN_SIDE) for frame in frames]
    averager = Averager()
    for frame in frames:
        averager.add(_scaled(frame, SIDE))
    return all_marks(logos(small, box_inside_borders(small)), averager.averages())


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
    """Look at a clip without a mark, with writing in its scene, and with each mark."""
    alarms = found_in(clip.frames)
    if save is not None:
        _save(save / f"{clip.name}.png", clip.frames, alarms)
    if clip.name in MARKED:
        return Result(clip, alarms, (), ())

    scenes = []
    for number, frames in enumerate(scene_writing(clip.name, clip.frames, at_rest=not clip.moves)):
        boxes = found_in(frames)
        scenes.append(bool(boxes))
        if save is not None and boxes:
            _save(save / f"{clip.name}-scene-{number}.png", frames, boxes)

    found = []
    for number, mark in enumerate(marks(clip.name, clip.frames[0].shape, held_out=clip.held_out)):
        moves = _moves(_changed(clip.frames, mark.mask))
        for opacity in OPACITIES:
            frames = drawn(clip.frames, mark, opacity)
            boxes = found_in(frames)
            found.append(Drawn(mark.kind, opacity, moves, is_found(boxes, mark)))
            if save is not None:
                _save(save / f"{clip.name}-{number}-{opacity:.0%}.png", frames, boxes)
    return Result(clip, alarms, tuple(scenes), tuple(found))


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
    for held_out in (False, True):
        for moves in (True, False):
            part = [result for result in results if result.clip.held_out == held_out]
            name = (
                f"{'held out' if held_out else 'development'}, {'moving' if moves else 'at rest'}"
            )
            summary.append([name, *_summary(part, moves=moves)])
    rows = [
        [
            result.clip.name,
            "held out" if result.clip.held_out else "development",
            "moving" if result.clip.moves else "at rest",
            str(len(result.clip.frames)),
            *_shares(result.drawn),
            "its own" if result.clip.name in MARKED else ("yes" if result.alarms else "no"),
        ]
        for result in results
    ]
    levels = [f"{opacity:.0%}" for opacity in OPACITIES]
    head = ("what is behind", "marks", *levels, "all", "unmarked", "writing in the scene")
    kinds = sorted({mark.kind for result in results for mark in result.drawn})
    return (
        f"Eight marks a clip, share found by opacity (goal {RECALL_GOAL:.0%}), and false alarms "
        f"(goal {FALSE_ALARM_GOAL:.0%}). {report.machine()}.\n\n"
        + report.table(head, summary)
        + "\n"
        + report.table(("held out", *kinds), _by_kind(results, kinds))
        + "\n"
        + report.table(("clip", "part", "camera", "frames", *levels, "finds one unmarked"), rows)
    )


def _summary(part: Sequence[Result], *, moves: bool) -> list[str]:
    """Of the marks over what moves, or stays; and of the clips most of which moves, or stays."""
    every = [mark for result in part for mark in result.drawn if mark.moves == moves]
    clean = [r for r in part if r.clip.name not in MARKED and r.clip.moves == moves]
    scenes = [alarm for result in clean for alarm in result.scenes]
    alarms = sum(bool(result.alarms) for result in clean)
    return [
        str(len(every) // len(OPACITIES)),
        *_shares(every),
        _share([mark.found for mark in every]),
        f"{alarms} of {len(clean)}",
        f"{sum(scenes)} of {len(scenes)}",
    ]


def _shares(found: Sequence[Drawn]) -> list[str]:
    return [_share([m.found for m in found if m.opacity == opacity]) for opacity in OPACITIES]


def _by_kind(results: Sequence[Result], kinds: Sequence[str]) -> list[list[str]]:
    rows = []
    for moves in (True, False):
        marks_drawn = [
            mark
            for result in results
            if result.clip.held_out
            for mark in result.drawn
            if mark.moves == moves
        ]
        shares = [_share([m.found for m in marks_drawn if m.kind == kind]) for kind in kinds]
        rows.append(["moving" if moves else "at rest", *shares])
    return rows


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
