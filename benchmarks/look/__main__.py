"""Measure how Reels look: segments matched to each other, and crops enlarged.

    python -m benchmarks.look --footage DIR [--only matching,cameras,enlarging] [--write]

DIR holds clips and `labels.json` (see `benchmarks/eye/labels.py`).
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import report
from benchmarks.eye.labels import read_labels
from benchmarks.eye.reels import ReelOrder, fetched, labelled_clips
from benchmarks.look import enlarging, matching
from montage_pipeline.footage.probe import probe
from montage_pipeline.styles import DEFAULT_STYLE

TABLES = ("matching", "cameras", "enlarging")
_DURATION_S = 30
_MIXED = "the best two of each"
_CAMERA_CLIPS = 3
"""Clips that are taken by several cameras: the labelled ones with the highest ranks."""

_ENLARGED_LINES, _ENLARGED_CLIPS = 720, 5
"""Clips of at least so many lines are shrunk and enlarged, the best few of them by rank: smaller
ones are soft themselves.
"""


def main() -> None:
    """Print the tables, and put them into docs/benchmarks.md when asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--footage", type=Path, required=True, help="clips and labels.json")
    parser.add_argument("--only", default=",".join(TABLES), metavar="TABLE,…")
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    arguments = parser.parse_args()
    wanted = arguments.only.split(",")
    if unknown := set(wanted) - set(TABLES):
        parser.error(f"there is no table {', '.join(sorted(unknown))}: {', '.join(TABLES)}")
    for name in wanted:
        with tempfile.TemporaryDirectory(prefix="look-") as folder:
            tables = {"matching": _matching, "cameras": _cameras, "enlarging": _enlarging}
            text = f"{report.machine()}.\n\n{tables[name](arguments.footage, Path(folder))}"
        print(f"\n## {name}\n\n{text}", flush=True)
        if arguments.write:
            report.write(f"look {name}", text)


def _matching(footage: Path, folder: Path) -> str:
    by_theme = labelled_clips(footage, read_labels(footage / "labels.json"))
    best = _best_first(footage)
    orders = {theme: _order(paths) for theme, paths in by_theme.items()}
    mixed = [path for paths in by_theme.values() for path in [p for p in best if p in paths][:2]]
    orders[_MIXED] = _order(mixed)
    themes = [matching.measure_theme(name, order, folder) for name, order in orders.items()]
    cameras = [matching.measure_cameras(_order([clip], 7), folder) for clip in best[:_CAMERA_CLIPS]]
    return matching.text(themes, cameras, matching.measure_costs(orders[_MIXED], folder))


def _cameras(footage: Path, _: Path) -> str:
    return matching.cameras_text(sorted(_best_first(footage)))


def _best_first(footage: Path) -> list[Path]:
    """The labelled clips by rank, then by name."""
    labels = read_labels(footage / "labels.json")
    ranks = {label.clip: label.rank for label in labels.values()}
    paths = [path for paths in labelled_clips(footage, labels).values() for path in paths]
    return sorted(paths, key=lambda path: (-ranks[path.name], path.name))


def _order(paths: Sequence[Path], duration_s: int = _DURATION_S) -> ReelOrder:
    return ReelOrder(tuple(paths), DEFAULT_STYLE, duration_s)


def _enlarging(footage: Path, folder: Path) -> str:
    large = [
        path for path in _best_first(footage) if probe(fetched(path)).height >= _ENLARGED_LINES
    ]
    return enlarging.text(large[:_ENLARGED_CLIPS], folder)


if __name__ == "__main__":
    main()
