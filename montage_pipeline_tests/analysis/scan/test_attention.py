"""Which stretches are looked at closely: at each turn the best of all that are left."""

from collections.abc import Mapping, Sequence, Set

from hypothesis import given, settings
from hypothesis import strategies as st

from montage_pipeline.analysis.scan.attention import Allowance, Selection, affordable, pick
from montage_pipeline.analysis.scan.stretches import Stretch
from montage_pipeline.spans import Span, joined, overlaps
from montage_pipeline_tests.examples import examples

CLIPS = 3
SCORES = (0.0, 0.2, 0.5, 0.5 / 0.6, 0.9, 1.0)
"""Few, so that many ranks are equal, also after a score was lowered."""

FINGERPRINTS = (None, 0, 0x3FF, 0x7FF, 0xFFFF_FFFF)
"""0 and 0x3FF differ in 10 bits and look alike, 0 and 0x7FF in 11 and do not."""

stretches = st.builds(
    lambda clip, start, frames, score, work, fingerprint: Stretch(
        clip, Span(start / 2, start / 2 + frames / 8), score, work, fingerprint
    ),
    st.integers(0, CLIPS - 1),
    st.integers(0, 30),
    st.integers(8, 36),
    st.sampled_from(SCORES),
    st.floats(0.5, 20),
    st.sampled_from(FINGERPRINTS),
)
allowances = st.builds(Allowance, st.floats(0, 30), st.floats(0, 60), st.floats(0, 80))
seen_spans = st.dictionaries(
    st.integers(0, CLIPS - 1), st.just([Span(2.0, 6.0)]), max_size=CLIPS - 1
)


def looking_through_all(
    stretches: Sequence[Stretch],
    seen: Mapping[int, Sequence[Span]],
    fingerprints: Sequence[int],
    allowance: Allowance,
    cramped: Set[int],
) -> dict[int, list[Span]]:
    """The rules of the choice, written down without regard to what they cost."""
    left = list(stretches)
    picked: list[Stretch] = []

    def rank(stretch: Stretch) -> tuple[bool, float]:
        others = sum(other.clip == stretch.clip for other in picked)
        prints = [*fingerprints, *(other.fingerprint for other in picked)]
        score = stretch.score
        if stretch.fingerprint is not None and any(
            (stretch.fingerprint ^ other).bit_count() <= 10 for other in prints if other is not None
        ):
            score *= 0.6
        without = not others and (not seen.get(stretch.clip) or stretch.clip in cramped)
        return without, score * 0.9**others

    def taken(clip: int) -> list[Span]:
        return [*seen.get(clip, ()), *(other.span for other in picked if other.clip == clip)]

    while left := [s for s in left if not any(overlaps(s.span, span) for span in taken(s.clip))]:
        best = max(left, key=rank)
        left.remove(best)
        work = sum(stretch.work for stretch in picked) + best.work
        if rank(best)[0]:
            if not seen.get(best.clip) or work <= allowance.max_work:
                picked.append(best)
            continue
        seconds = sum(stretch.span.duration_s for stretch in picked)
        if seconds >= allowance.min_s and work > allowance.work:
            break
        if work <= allowance.max_work:
            picked.append(best)

    clips = sorted({stretch.clip for stretch in picked})
    return {clip: joined([s.span for s in picked if s.clip == clip]) for clip in clips}


@settings(max_examples=examples(5), deadline=None)
@given(
    st.lists(stretches, max_size=25, unique_by=lambda s: (s.clip, s.span.start_s)),
    seen_spans,
    st.sampled_from([(), (0,), (0xFFFF_FFFF,)]),
    allowances,
    st.sets(st.integers(0, CLIPS - 1)),
)
def test_each_pick_is_the_best_of_all_that_is_left(
    options: list[Stretch],
    seen: dict[int, list[Span]],
    fingerprints: tuple[int, ...],
    allowance: Allowance,
    cramped: set[int],
) -> None:
    in_order = sorted(options, key=lambda stretch: (stretch.clip, stretch.span.start_s))
    expected = looking_through_all(in_order, seen, fingerprints, allowance, cramped)
    assert pick(options, Selection(seen, fingerprints, cramped), allowance) == expected


class _Counting(Selection):
    """Counts how often stretches are looked at."""

    looks = 0

    def own_score(self, stretch: Stretch) -> float:
        self.looks += 1
        return super().own_score(stretch)

    def overlaps(self, stretch: Stretch) -> bool:
        self.looks += 1
        return super().overlaps(stretch)


def test_each_stretch_of_a_day_of_footage_is_looked_at_a_few_times() -> None:
    for count in (500, 8000):
        options = [
            Stretch(number % 2, Span(10.0 * number, 10.0 * number + 4), score, 1.0, number % 7)
            for number in range(count)
            for score in [0.5 + (number * 7919 % count) / count / 2]
        ]
        selection = _Counting({}, [])
        pick(options, selection, Allowance(min_s=60, work=0, max_work=400))
        assert selection.looks < 12 * count


def test_cheap_clips_are_measured_whole() -> None:
    assert affordable([], 100) == []
    assert affordable([40, 30, 30], 100) == [0, 1, 2]
    assert affordable([90, 20, 5], 100) == [1, 2], "75 are left, and 90 are asked for"
    assert affordable([200, 60, 60], 100) == []
