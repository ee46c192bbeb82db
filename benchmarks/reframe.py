"""Measure reframing against labelled subjects: is the subject in the crop, and how much of it,
compared with a crop of the middle?

    python -m benchmarks.reframe [--footage DIR] [--format reel] [--write]

`subjects.json` has boxes (x, y, width, height as shares of the frame) drawn by hand around the
subject of real frames, for the demo's clips and for freely available ones, which are taken from
`--footage` if they are there (by content). For every label a cut of up to four seconds around it is
framed as the planner would, from what the local analyst finds in the clip, and judged in the
labelled frame.
"""

import argparse
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks import report
from montage_pipeline.analysis.local import LocalAnalyst
from montage_pipeline.analysis.model import AnalysedClip, Moment
from montage_pipeline.editing.framing.crops import kept_share, middle_crop
from montage_pipeline.editing.framing.evidence import evidence_of
from montage_pipeline.editing.framing.reframe import Framing, framing_for
from montage_pipeline.editing.timeline import CropRect, eased
from montage_pipeline.errors import PermanentError
from montage_pipeline.footage.model import Box, ClipFacts, FetchedClip
from montage_pipeline.local.footage import demo_clips
from montage_pipeline.settings import Settings
from montage_pipeline.spans import Span, overlap_s
from montage_pipeline.vocabulary import Format

LABELS = Path(__file__).with_name("subjects.json")
CUT_S = 4.0
CENTRE_GOAL = 0.95
_REEL_S = 30.0


class Label(NamedTuple):
    """Where the subject is at a time."""

    time_s: float
    box: Box


class Judged(NamedTuple):
    """One label: is the subject's middle in the crop and how much of the subject, and the same of a
    crop of the middle.
    """

    centre: bool
    kept: float
    middle_centre: bool
    middle_kept: float
    moves: bool


def labelled() -> dict[str, list[Label]]:
    """The labels of each clip by its SHA-256."""
    found = {}
    for clip in json.loads(LABELS.read_text()):
        found[clip["sha256"]] = [
            Label(
                label["time_s"],
                Box(**dict(zip(("x", "y", "width", "height"), label["box"], strict=True))),
            )
            for label in clip["labels"]
        ]
    return found


def clips(folder: Path | None) -> Iterator[Path]:
    """The demo's clips, and what the folder has."""
    yield from demo_clips()
    if folder is not None:
        yield from sorted(path for path in folder.iterdir() if path.is_file())


def judged(clip: AnalysedClip, label: Label, shape: Format) -> Judged | None:
    """The framing of a cut around a label; None when no usable moment shows it."""
    usable = [moment for moment in clip.moments if not moment.rejects]
    here = [moment for moment in usable if moment.start_s <= label.time_s < moment.end_s]
    if not here:
        return None
    span = _cut(clip, usable, label.time_s)
    shown = [moment for moment in usable if _frames(moment, span)]
    framing = framing_for(clip.facts, shape.frame_size, span, evidence_of(shown))
    crop = _crop_at(framing, (label.time_s - span.start_s) / span.duration_s)
    middle = middle_crop(clip.facts, shape.frame_size)
    middle = middle.model_copy(update={"y": (clip.facts.height - middle.height) // 2})
    return Judged(
        centre=_holds(clip.facts, crop, label.box),
        kept=kept_share(clip.facts, crop, label.box),
        middle_centre=_holds(clip.facts, middle, label.box),
        middle_kept=kept_share(clip.facts, middle, label.box),
        moves=framing.crop_end is not None,
    )


def _crop_at(framing: Framing, share: float) -> CropRect:
    """The crop when a share (0..1) of the cut is over."""
    begin, end = framing.crop, framing.crop_end
    if end is None:
        return begin
    way = eased(share)
    return begin.model_copy(
        update={
            "x": round(begin.x + way * (end.x - begin.x)),
            "y": round(begin.y + way * (end.y - begin.y)),
        }
    )


def _cut(clip: AnalysedClip, usable: list[Moment], time_s: float) -> Span:
    """A cut about a time, inside its shot and inside what may be used without a break."""
    shot = next(shot for shot in clip.shots if shot.start_s <= time_s < shot.end_s)
    begin_s = end_s = time_s
    for moment in sorted(usable, key=lambda moment: moment.start_s, reverse=True):
        if moment.start_s <= begin_s <= moment.end_s + 1e-3:
            begin_s = moment.start_s
    for moment in sorted(usable, key=lambda moment: moment.start_s):
        if moment.start_s - 1e-3 <= end_s <= moment.end_s:
            end_s = moment.end_s
    low, high = max(begin_s, shot.start_s), min(end_s, shot.end_s)
    begin_s = max(low, min(time_s - CUT_S / 2, high - CUT_S))
    return Span(begin_s, min(high, begin_s + CUT_S))


def _frames(moment: Moment, span: Span) -> int:
    """Frames of a moment in a span, at 30 fps."""
    return round(overlap_s(span, Span(moment.start_s, moment.end_s)) * 30)


def _holds(facts: ClipFacts, crop: CropRect, box: Box) -> bool:
    x, y = (box.x + box.width / 2) * facts.width, (box.y + box.height / 2) * facts.height
    return crop.x <= x <= crop.x + crop.width and crop.y <= y <= crop.y + crop.height


def main() -> None:
    """Print the table, and put it into docs/benchmarks.md when asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--footage", type=Path, help="folder with more of the labelled clips")
    parser.add_argument("--format", type=Format, default=Format.REEL, help="shape of the output")
    parser.add_argument(
        "--write", action="store_true", help="put the table into docs/benchmarks.md"
    )
    arguments = parser.parse_args()
    labels = labelled()
    rows, found, absent = [], [], set(labels)
    for path in clips(arguments.footage):
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        if sha256 not in absent:
            continue
        absent.remove(sha256)
        fetched = FetchedClip(
            url=path.as_uri(), path=path, sha256=sha256, bytes=path.stat().st_size
        )
        try:
            analysis = LocalAnalyst(Settings()).analyse([fetched], "dynamic", _REEL_S)
        except PermanentError as error:
            rows.append([path.name, "0", error.code, *[""] * 5])
            continue
        results = [judged(analysis.clips[0], label, arguments.format) for label in labels[sha256]]
        judgements = [result for result in results if result is not None]
        found += judgements
        rows.append(_row(path.name, judgements, len(results) - len(judgements)))
    rows.append(_row("all", found, 0))
    note = f" {len(absent)} of the labelled clips were not there." if absent else ""
    goal = f"goal: the middle of the subject inside in {CENTRE_GOAL:.0%}"
    text = f"{arguments.format.value}, cuts of up to {CUT_S:g} s; {goal}.{note}\n\n"
    text += report.table(
        (
            "clip",
            "frames",
            "not used",
            "middle inside",
            "of a middle crop",
            "subject shown",
            "by a middle crop",
            "cuts that move",
        ),
        rows,
    )
    print(text)
    if arguments.write:
        report.write("reframe", text)


def _row(name: str, judgements: list[Judged], unused: int) -> list[str]:
    count = max(1, len(judgements))
    shares = [
        sum(judged.centre for judged in judgements) / count,
        sum(judged.middle_centre for judged in judgements) / count,
        sum(judged.kept for judged in judgements) / count,
        sum(judged.middle_kept for judged in judgements) / count,
    ]
    return [
        name,
        str(len(judgements)),
        str(unused),
        *(f"{share:.0%}" for share in shares),
        str(sum(judged.moves for judged in judgements)),
    ]


if __name__ == "__main__":
    main()
