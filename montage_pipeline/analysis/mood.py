"""What music suits the footage: mood, tempo and prompt, from the style and the movement."""

from montage_pipeline.styles import style_of

_LIVELY_MOTION = 0.35
"""Mean motion energy (0..1) from which footage counts as lively: half of `_LIVELIEST_MOTION`."""

_LIVELIEST_MOTION = 0.7
"""Mean motion energy that asks for the style's fastest tempo. Quiet moments are part of the mean,
so that 1 is out of reach.
"""


def mood_of(style: str, liveliness: float) -> str:
    """The style's mood for footage with that mean motion energy (0..1)."""
    taste = style_of(style).footage
    return taste.lively_mood if liveliness >= _LIVELY_MOTION else taste.calm_mood


def suggested_bpm(style: str, liveliness: float) -> int:
    """A tempo between the style's calm and lively ends, in even beats per minute."""
    slow, fast = style_of(style).footage.bpm
    return round((slow + (fast - slow) * min(1.0, liveliness / _LIVELIEST_MOTION)) / 2) * 2


def music_prompt(style: str, liveliness: float, duration_s: float) -> str:
    """What to ask a composer for."""
    pace = "building energy" if liveliness >= _LIVELY_MOTION else "steady pulse"
    return (
        f"Instrumental {style} track for a {round(duration_s)} second video, "
        f"{mood_of(style, liveliness)} mood, {suggested_bpm(style, liveliness)} BPM, "
        f"{style_of(style).footage.instruments}, {pace}, clear downbeats, no vocals, "
        "strong start within the first bar"
    )
