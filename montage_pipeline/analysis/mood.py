"""Mood, tempo and prompt of the music, from the style and from how lively the footage is."""

from montage_pipeline.styles import style_of

_LIVELY_FROM = 0.35
"""Mean motion energy (0..1) from which footage counts as lively."""

_LIVELIEST = 0.7
"""Motion energy that asks for the style's fastest tempo."""


def mood(style: str, liveliness: float) -> str:
    """The style's mood for footage of that much movement (0..1)."""
    taste = style_of(style).footage
    return taste.lively_mood if liveliness >= _LIVELY_FROM else taste.calm_mood


def suggested_bpm(style: str, liveliness: float) -> int:
    """Tempo between the style's calm and lively ends, in even beats per minute."""
    slow, fast = style_of(style).footage.bpm
    return round((slow + (fast - slow) * min(1.0, liveliness / _LIVELIEST)) / 2) * 2


def music_prompt(style: str, liveliness: float, duration_s: float) -> str:
    """What to ask a composer for."""
    pace = "building energy" if liveliness >= _LIVELY_FROM else "steady pulse"
    return (
        f"Instrumental {style} track for a {round(duration_s)} second video, "
        f"{mood(style, liveliness)} mood, {suggested_bpm(style, liveliness)} BPM, "
        f"{style_of(style).footage.instruments}, {pace}, clear downbeats, no vocals, "
        "strong start within the first bar"
    )
