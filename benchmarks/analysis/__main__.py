"""What looking at long footage costs, against PySceneDetect on the same clips, and whether its shot
changes agree with a full-rate pass.

    python -m benchmarks.analysis [--footage FOLDER] [--duration 30] [--b-frames] [--write]

Ten clips of a minute of 4K HEVC are looped without encoding from pieces made of the demo's clips,
which are kept for the next time. Needs PySceneDetect (`pip install '.[bench]'`).
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks import report
from benchmarks.analysis.footage import CLIP_S, CLIPS, FPS, films
from benchmarks.analysis.looking import looking_table, measured
from benchmarks.analysis.shot_changes import agreement, changes_table


def main() -> None:
    """Print the tables, and put them into docs/benchmarks.md when asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--footage", type=Path, default=Path(tempfile.gettempdir()) / "montage-bench-footage"
    )
    parser.add_argument("--duration", type=int, default=30)
    parser.add_argument(
        "--b-frames", action="store_true", help="also look at clips with B-frames, which cost less"
    )
    parser.add_argument(
        "--write", action="store_true", help="put the table into docs/benchmarks.md"
    )
    arguments = parser.parse_args()
    kept: Path = arguments.footage
    kept.mkdir(parents=True, exist_ok=True)

    with tempfile.TemporaryDirectory(prefix="montage-bench-", dir=kept) as name:
        folder = Path(name)
        changes = {
            film.path.stem: (agreement(film), film.changes is not None) for film in films(folder)
        }
        tables = [
            looking_table(measured(folder, kept, arguments.duration, b_frames))
            for b_frames in ((False, True) if arguments.b_frames else (False,))
        ]

    clips = f"{CLIPS} clips of {CLIP_S} s, 3840x2160 HEVC, 25 Mbit/s, {FPS} fps"
    head = f"{clips}, for a Reel of {arguments.duration} s; {report.machine()}.\n\n"
    text = head + "\n".join([*tables, changes_table(changes)])
    print(text)
    if arguments.write:
        report.write("analysis", text)


if __name__ == "__main__":
    main()
