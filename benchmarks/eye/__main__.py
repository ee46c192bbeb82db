"""Score Reels of labelled footage: every theme, in the style that suits it or in all of them.

    python -m benchmarks.eye --footage DIR [--style all] [--duration 15 30] [--theme pets] [--write]
                             [--judge DIR]

DIR holds the clips and `labels.json` (see `labels.py`). With --judge, the Reels are planned from
answers about contact sheets, and questions without an answer are written down (see `judged.py`).
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks import report
from benchmarks.eye.baselines import (
    at_best_places,
    first_seconds,
    random_moments,
    through_the_middle,
)
from benchmarks.eye.judged import UnansweredError, judged
from benchmarks.eye.labels import Label, read_labels
from benchmarks.eye.ranks import RankedClip, agreement
from benchmarks.eye.reels import (
    ReelOrder,
    analysed,
    labelled_clips,
    planned,
    ranked_clips,
    shown_segments,
)
from benchmarks.eye.scoring import ReelScore, mean_score, score_reel
from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.styles import STYLES
from montage_pipeline.vocabulary import Format

SUITS = {
    "travel": "travel",
    "pets": "minimal",
    "sport": "fitness",
    "food": "food",
    "people": "dynamic",
    "nature": "cinematic",
}
"""The style that a person would pick for footage of a theme; any other theme: travel."""

_SIZE = Format.REEL.frame_size
COLUMNS = [name for name in ReelScore._fields if name != "never_shown"]


def main() -> None:
    """Print the tables, and put them into docs/benchmarks.md when asked to."""
    arguments = _arguments()
    labels = read_labels(arguments.footage / "labels.json")
    rows: list[list[str]] = []
    ranked: list[RankedClip] = []
    missed: dict[str, list[str]] = {}
    scores: defaultdict[str, list[ReelScore]] = defaultdict(list)
    for theme, order in _orders(arguments, labels):
        name = f"{theme}, {order.style}, {order.duration_s} s"
        try:
            analysis, note = _analysis(theme, order, arguments.judge)
        except UnansweredError as unanswered:
            print(f"{name}: {unanswered}", flush=True)
            continue
        ranked += ranked_clips(order, analysis, labels)
        score = _score(order, analysis, labels, scores)
        rows.append(score_row(f"{name}{note}", score))
        for clip in score.never_shown:
            missed.setdefault(clip, []).append(f"{theme} {order.duration_s} s")
        print(" | ".join(rows[-1]), "|", ", ".join(score.never_shown), flush=True)
    if not rows:
        return
    rows += [score_row(f"**mean: {name}**", mean_score(found)) for name, found in scores.items()]
    text = report.table(("Reel", *(name.replace("_", " ") for name in COLUMNS)), rows)
    text += f"\nWorth showing and not shown: {_missed(missed)}.\n"
    text += f"{agreement(ranked)}\n"
    print(text)
    if arguments.write:
        report.write("eye-judged" if arguments.judge else "eye", text)


def _orders(
    arguments: argparse.Namespace, labels: dict[str, Label]
) -> Iterator[tuple[str, ReelOrder]]:
    """Every Reel to be planned, with its theme."""
    for theme, paths in labelled_clips(arguments.footage, labels).items():
        if arguments.theme and theme not in arguments.theme:
            continue
        styles = list(STYLES) if arguments.style == "all" else [SUITS.get(theme, "travel")]
        for style in styles:
            for duration_s in arguments.duration:
                yield theme, ReelOrder(tuple(paths), style, duration_s)


def _analysis(theme: str, order: ReelOrder, judge: Path | None) -> tuple[ClipAnalysis, str]:
    """The analysis, and what asking for it was predicted to cost, if anybody was asked."""
    if judge is None:
        return analysed(order), ""
    reel = judged(order, judge / f"{theme}-{order.style}-{order.duration_s}s")
    return reel.analysis, f", {reel.predicted_usd:.4f} USD"


def _score(
    order: ReelOrder,
    analysis: ClipAnalysis,
    labels: dict[str, Label],
    scores: defaultdict[str, list[ReelScore]],
) -> ReelScore:
    timeline = planned(order, analysis)
    segments = shown_segments(timeline, labels)
    given = [label for label in labels.values() if label.clip in {p.name for p in order.clips}]
    score = score_reel(segments, given, _SIZE.width)
    scores["the Reels"].append(score)
    middle = through_the_middle(segments, _SIZE)
    scores["the same, middle crop"].append(score_reel(middle, given, _SIZE.width))
    best = at_best_places(segments, given, _SIZE)
    scores["the same cuts at the best places"].append(best)
    scores["first seconds of each clip"].append(first_seconds(given, order.duration_s, _SIZE))
    scores["random moments"].append(random_moments(given, order.duration_s, _SIZE))
    return score


def _missed(reels: Mapping[str, Sequence[str]]) -> str:
    """Each clip with the Reels that leave it out."""
    return "; ".join(f"{clip} in {', '.join(reels[clip])}" for clip in sorted(reels)) or "none"


def score_row(name: str, score: ReelScore) -> list[str]:
    """A row of a table with `COLUMNS`."""
    values: Sequence[float | None] = [getattr(score, column) for column in COLUMNS]
    return [name, *("–" if value is None else f"{value:.2f}" for value in values)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--footage", type=Path, required=True, help="clips and labels.json")
    parser.add_argument("--style", choices=("suitable", "all"), default="suitable")
    parser.add_argument("--theme", nargs="*", help="only these themes")
    parser.add_argument("--duration", type=int, nargs="*", default=[15, 30], help="seconds")
    parser.add_argument("--judge", type=Path, help="questions and answers about contact sheets")
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
