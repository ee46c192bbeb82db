"""The music under the Reel, and what to tell when the two fit badly.

Belongs here: where the music starts, its levels, and the warnings about beats and length. Does not
belong here: choosing the start (`beats`, `chosen_edit`).
"""

from collections.abc import Sequence

from montage_pipeline.editing.beats import BeatRuler
from montage_pipeline.editing.context import PlanContext
from montage_pipeline.editing.timeline import MusicPlacement, Segment

_FADE_IN_S = 0.02
"""Starting inside the music clicks unless it opens over a few milliseconds."""

_STARTS_INSIDE_S = 0.01
"""Up to here the music plays from the file's own start, which needs no fade."""

_MAX_FADE_SHARE = 1 / 4
"""Share of the Reel that its fade-out takes at most."""

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
        fade_out_s=min(taste.fade_out_s, context.seconds(ruler.total_frames) * _MAX_FADE_SHARE),
    )


def music_warnings(context: PlanContext, segments: Sequence[Segment]) -> list[str]:
    """What the user must know about cuts off the beat and music that is too short."""
    return [*_off_beat(segments), *_too_short(context, segments)]


def _off_beat(segments: Sequence[Segment]) -> list[str]:
    cuts = segments[:-1]
    off_beat = sum(not segment.on_beat for segment in cuts)
    if not off_beat:
        return []
    verb = "is" if off_beat == 1 else "are"
    return [f"{off_beat} of {len(cuts)} cuts {verb} not on a beat; each says why."]


def _too_short(context: PlanContext, segments: Sequence[Segment]) -> list[str]:
    reel_s = context.seconds(sum(segment.frames for segment in segments))
    music_s = context.music.duration_s
    if music_s >= reel_s - _NEXT_TO_NOTHING_S:
        return []
    return [
        f"The music is {music_s:.1f} s long, the Reel {reel_s:.1f} s: "
        f"its last {reel_s - music_s:.1f} s have no music."
    ]
