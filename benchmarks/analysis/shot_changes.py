"""Whether the shot changes found in stretches of a film are those that are there."""

from collections.abc import Sequence
from typing import NamedTuple

from benchmarks import report
from benchmarks.analysis.footage import Film, as_fetched
from montage_pipeline.footage.decoding.packets import index_clip
from montage_pipeline.footage.measuring.calm import calm_spans
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.footage.measuring.measures import ClipMeasures
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.footage.probe import probe
from montage_pipeline.spans import Span

TOLERANCE_FRAMES = 2
LIMIT_F1 = 0.95
# What is left of a shot at the ends of a stretch may be too short to be one.
_MARGIN_S = 0.3
# Stretches as the analyst takes them from long footage.
_STRETCH_S, _EVERY_S = 3.0, 4.0


class Agreement(NamedTuple):
    """Shot changes that were found, those that are there, and how many are both."""

    found: int
    true: int
    both: int

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where nothing is there and nothing is found."""
        return 2 * self.both / (self.found + self.true) if self.found + self.true else 1.0

    def __add__(self, other: "Agreement") -> "Agreement":  # type: ignore[override]
        return Agreement(self.found + other.found, self.true + other.true, self.both + other.both)


NOTHING = Agreement(0, 0, 0)


def agreement(film: Film) -> Agreement:
    """Look at stretches as the analyst does at long footage, and compare with what was built in, or
    else with a full-rate pass.
    """
    facts = probe(as_fetched(film.path))
    spans = _stretches(facts)
    clip = index_clip(film.path, facts)
    # The cheapest way to look, which is taken where footage is long and costly.
    measures = measure(clip, spans, calm_spans(clip, spans))
    if film.changes is None:
        full_rate = measure(clip)
        changes = tuple(Span(time_s, time_s) for time_s in _changes_s(full_rate))
    else:
        changes = film.changes

    slack_s = (TOLERANCE_FRAMES + 0.5) / float(facts.fps.fraction)
    found_s = _changes_s(measures)
    return sum(
        (_agreement_within(window, found_s, changes, slack_s) for window in measures.looked_at),
        NOTHING,
    )


def _stretches(facts: ClipFacts) -> list[Span]:
    count = max(1, int((facts.duration_s - _STRETCH_S) // _EVERY_S) + 1)
    starts_s = [facts.start_s + place * _EVERY_S for place in range(count)]
    return [Span(start_s, start_s + _STRETCH_S) for start_s in starts_s]


def _agreement_within(
    window: Span, found_s: Sequence[float], changes: Sequence[Span], slack_s: float
) -> Agreement:
    inner = Span(window.start_s + _MARGIN_S, window.end_s - _MARGIN_S)
    true = [
        change
        for change in changes
        if inner.start_s < change.start_s and change.end_s < inner.end_s
    ]
    # A dissolve that runs into the stretch's end may be found or not.
    open_ended = [change for change in changes if change not in true]
    found = [
        time_s
        for time_s in found_s
        if inner.start_s < time_s < inner.end_s
        and not any(_is_near(time_s, change, slack_s) for change in open_ended)
    ]

    unmatched, both = list(true), 0
    for time_s in found:
        match = next((change for change in unmatched if _is_near(time_s, change, slack_s)), None)
        if match is not None:
            unmatched.remove(match)
            both += 1
    return Agreement(len(found), len(true), both)


def _is_near(time_s: float, change: Span, slack_s: float) -> bool:
    return change.start_s - slack_s <= time_s <= change.end_s + slack_s


def _changes_s(measures: ClipMeasures) -> list[float]:
    """Where shots begin, but for those that begin with what was looked at."""
    return [
        shot.start_s
        for shot in measures.shots
        if all(abs(shot.start_s - window.start_s) > 1e-6 for window in measures.looked_at)
    ]


def changes_table(changes: dict[str, tuple[Agreement, bool]]) -> str:
    """What was found in each film, and the limit for all of them together."""
    rows = [
        [name, "built in" if known else "a full-rate pass", *_figures(found), f"{found.f1:.3f}"]
        for name, (found, known) in changes.items()
    ]
    total = sum((found for found, _ in changes.values()), NOTHING)
    rows.append(["all", "", *_figures(total), f"{total.f1:.3f} (limit {LIMIT_F1})"])
    right = f"right, within {TOLERANCE_FRAMES} frames"
    return report.table(("film", "compared with", "shot changes", "found", right, "F1"), rows)


def _figures(agreed: Agreement) -> list[str]:
    return [str(agreed.true), str(agreed.found), str(agreed.both)]
