"""The music under the Reel, and what to tell when the two fit badly.

Belongs here: where the music starts, its levels, and the warnings about beats and length. Does not
belong here: choosing the start (`beats`, `chosen_edit`).
"""

from collections.abc import Sequence

from montage_pipeline.editing.beats import BeatRuler, silent_s, since_last_beat_s
from montage_pipeline.editing.context import PlanContext
from montage_pipeline.editing.timeline import MusicPlacement, Segment

_FADE_IN_S = 0.02
"""Starting inside the music clicks unless it opens over a few milliseconds."""

_STARTS_INSIDE_S = 0.01
"""Up to here the music plays from the file's own start, which needs no fade."""

_MIN_TAIL_S = 0.1
"""A beat struck just before the end is still let ring this long; a shorter fade clicks."""

_TOLD_SILENCE_S = 0.5
"""Silence under the Reel that a listener notices."""

_NEXT_TO_NOTHING_S = 0.05
"""Silence at the end too short to notice, about a frame."""


def placed_music(context: PlanContext, ruler: BeatRuler) -> MusicPlacement:
    """The music from where the edit's beats were counted, at the style's levels."""
    taste = context.taste
    return MusicPlacement(
        key=context.music.key,
        source_in_s=ruler.music_in_s,
        gain_db=taste.music_gain_db,
        duck_db=taste.duck_db,
        fade_in_s=_FADE_IN_S if ruler.music_in_s > _STARTS_INSIDE_S else 0.0,
        fade_out_s=_tail_s(context, ruler),
    )


def _tail_s(context: PlanContext, ruler: BeatRuler) -> float:
    """The fade at the end: the music keeps its level until the last beat, and ends in what rings.

    Without beats, or long after the last one, it is as long as the style likes.
    """
    reel_s = context.seconds(ruler.total_frames)
    since_beat_s = since_last_beat_s(context.music, ruler.music_in_s, reel_s)
    return min(context.taste.tail_s, max(_MIN_TAIL_S, since_beat_s))


def music_warnings(
    context: PlanContext, segments: Sequence[Segment], placement: MusicPlacement
) -> list[str]:
    """What the user must know about cuts off the beat and music that is too short or silent."""
    reel_s = context.seconds(sum(segment.frames for segment in segments))
    too_short = _too_short(context, reel_s)
    silent = [] if too_short else _silent(context, placement.source_in_s, reel_s)
    return [*_off_beat(segments), *too_short, *silent]


def _silent(context: PlanContext, start_s: float, reel_s: float) -> list[str]:
    quiet_s = silent_s(context.music, start_s, reel_s)
    if quiet_s < _TOLD_SILENCE_S:
        return []
    return [
        f"The music is silent for {quiet_s:.1f} of the Reel's {reel_s:.1f} s: it has no stretch of "
        "that length without silence."
    ]


def _off_beat(segments: Sequence[Segment]) -> list[str]:
    cuts = segments[:-1]
    off_beat = sum(not segment.on_beat for segment in cuts)
    if not off_beat:
        return []
    verb = "is" if off_beat == 1 else "are"
    return [f"{off_beat} of {len(cuts)} cuts {verb} not on a beat; each says why."]


def _too_short(context: PlanContext, reel_s: float) -> list[str]:
    music_s = context.music.duration_s
    if music_s >= reel_s - _NEXT_TO_NOTHING_S:
        return []
    return [
        f"The music is {music_s:.1f} s long, the Reel {reel_s:.1f} s: "
        f"its last {reel_s - music_s:.1f} s have no music."
    ]
