"""Where in a moment a Reel would open best.

Belongs here: the places at which the hook can begin, and what each is scored by. Does not belong
here: what makes an opening good (scoring), which moment opens (editing).

A mean over a moment is true of none of its parts: who walks in after three seconds opens nothing
that begins before.
"""

from collections.abc import Iterator

from montage_pipeline.analysis import scoring
from montage_pipeline.analysis.model import HookWindow
from montage_pipeline.footage.measuring.measures import SAMPLE_S, ClipMeasures, SpanMeasures
from montage_pipeline.rules import HOOK_S
from montage_pipeline.spans import Span

_STEP_S = 0.25  # half of the time between samples: a finer place is not measured

_HANDLED_S = 1.0
"""After a clip's beginning and before its end, when whoever films presses the button, finds the
view, or takes the camera down.
"""

_HANDLED_COST = 0.1
"""Of the score, that an opening loses at the clip's very end: it decides between places that are
about equal, for some clips were trimmed before.
"""

_SLACK_S = 1e-6


def hook_windows_of(clip: ClipMeasures, span: Span, overlay_cost: float) -> tuple[HookWindow, ...]:
    """Every place of a span (s) at which a hook can begin, in order of time; none where it is
    shorter than a hook. `overlay_cost` is that of all of it.
    """
    about = Span(span.start_s - SAMPLE_S, span.end_s + SAMPLE_S)
    samples = [sample for sample in clip.samples if about.holds(sample.time_s)]
    motions = [motion for motion in clip.motions if about.holds(motion.time_s)]

    found = []
    for window in _windows(span):
        # A sample stands for the time about it: what is seen just before an edge is seen at it.
        seen = Span(window.start_s - SAMPLE_S / 2, window.end_s + SAMPLE_S / 2)
        shown = [sample for sample in samples if seen.holds(sample.time_s)]
        moved = [
            motion
            for motion in motions
            if window.start_s <= motion.time_s - motion.elapsed_s and window.holds(motion.time_s)
        ]
        if shown:
            score = _score(clip, SpanMeasures.of(clip, window, shown, moved), overlay_cost)
            score = max(0.0, score - _HANDLED_COST * _handled(clip, window))
            found.append(HookWindow(start_s=round(window.start_s, 3), score=round(score, 4)))
    return tuple(found)


def _windows(span: Span) -> Iterator[Span]:
    count = int((span.duration_s - HOOK_S + _SLACK_S) / _STEP_S) + 1
    if span.duration_s < HOOK_S - _SLACK_S:
        return
    for number in range(count):
        start_s = span.start_s + number * _STEP_S
        yield Span(start_s, min(start_s + HOOK_S, span.end_s))


def _score(clip: ClipMeasures, measures: SpanMeasures, overlay_cost: float) -> float:
    scores = scoring.quality_scores(measures, novelty=1.0, key_bits=clip.key_bits)
    return scoring.hook(
        scores,
        quality=scoring.quality(scores, clip.facts_seen, overlay_cost),
        duration_s=HOOK_S,
        smooth=scoring.smoothness(clip.facts),
    )


def _handled(clip: ClipMeasures, window: Span) -> float:
    """How near a hook is to an end of its clip, 0 (not near) to 1 for each."""
    since_s = window.start_s - clip.facts.start_s
    left_s = clip.facts.start_s + clip.facts.duration_s - window.end_s
    return sum(min(1.0, max(0.0, 1 - away_s / _HANDLED_S)) for away_s in (since_s, left_s))
