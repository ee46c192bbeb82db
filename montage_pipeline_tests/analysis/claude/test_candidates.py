"""Which parts of the clips are on the sheets: nothing usable is left out."""

from hypothesis import given
from hypothesis import strategies as st

from montage_pipeline.analysis.claude.candidates import choose_glimpses
from montage_pipeline_tests.editing import footage


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=8),
    st.integers(0, 12),
    st.data(),
)
def test_every_part_that_is_not_asked_about_is_glimpsed(
    lengths: list[int], maximum: int, data: st.DataObject
) -> None:
    """A frame of every clip that has such a part, whatever the maximum; more only up to it."""
    rows = [
        (
            footage.facts(str(clip), 60.0),
            [footage.moment(clip, number, 6.0 * number, 6.0 * number + 5) for number in range(n)],
        )
        for clip, n in enumerate(lengths)
    ]
    clips = footage.analysis(rows)
    usable = [moment for clip in clips.clips for moment in clip.moments]
    asked = [moment for moment in usable if data.draw(st.booleans())]
    glimpses = choose_glimpses(clips, asked, maximum)

    left = [moment for moment in usable if moment not in asked]
    assert {glimpse.clip for glimpse in glimpses} == {moment.clip for moment in left}
    shown = [moment for glimpse in glimpses for moment in glimpse.moments]
    assert {moment.id for moment in shown} <= {moment.id for moment in left}
    assert len(shown) == min(len(left), max(maximum, len(glimpses)))
    for glimpse in glimpses:
        assert list(glimpse.times_s) == sorted(glimpse.times_s)
        pairs = zip(glimpse.moments, glimpse.times_s, strict=True)
        assert all(moment.start_s <= time_s <= moment.end_s for moment, time_s in pairs)
