"""What each style likes to see and hear: the table behind moods, music prompts, tempo and interest."""

from typing import NamedTuple

from montage_pipeline.requests.vocabulary import Style


class Taste(NamedTuple):
    """A style's preferences. Weights say how much a moment gains from each; `bpm` is from the calmest to the liveliest footage."""

    calm_mood: str
    lively_mood: str
    bpm: tuple[int, int]
    instruments: str
    motion: float
    faces: float
    colour: float
    speech: float
    likes_motion: float  # the motion energy that pleases most


TASTES: dict[Style, Taste] = {
    Style.DYNAMIC: Taste(
        "confident", "energetic", (112, 132), "punchy drums, driving bass, bright synths, short risers", 0.45, 0.25, 0.20, 0.10, 0.9
    ),
    Style.CINEMATIC: Taste(
        "reflective", "epic", (76, 104), "warm strings, deep percussion, piano, wide reverb", 0.25, 0.25, 0.40, 0.10, 0.35
    ),
    Style.TRAVEL: Taste(
        "dreamy", "adventurous", (96, 118), "acoustic guitar, hand percussion, airy pads, claps", 0.30, 0.20, 0.40, 0.10, 0.5
    ),
    Style.FITNESS: Taste(
        "determined", "explosive", (124, 144), "hard kick, distorted bass, trap hi-hats, tense synth stabs", 0.55, 0.25, 0.10, 0.10, 1.0
    ),
    Style.FOOD: Taste(
        "cosy", "playful", (88, 108), "jazzy guitar, upright bass, brushed drums, finger snaps", 0.25, 0.10, 0.55, 0.10, 0.35
    ),
    Style.MINIMAL: Taste("calm", "light", (70, 92), "soft piano, muted bass, sparse percussion, vinyl warmth", 0.20, 0.25, 0.35, 0.20, 0.2),
}


def mood(style: Style, liveliness: float) -> str:
    """The style's mood for footage of that much movement (0..1)."""
    taste = TASTES[style]
    return taste.lively_mood if liveliness >= 0.35 else taste.calm_mood


def suggested_bpm(style: Style, liveliness: float) -> int:
    """Tempo between the style's calm and lively ends, in even beats per minute."""
    slow, fast = TASTES[style].bpm
    return round((slow + (fast - slow) * min(1.0, liveliness / 0.7)) / 2) * 2


def music_prompt(style: Style, liveliness: float, duration_s: float) -> str:
    """What to ask a composer for."""
    pace = "building energy, clear downbeats" if liveliness >= 0.35 else "steady pulse, clear downbeats"
    return (
        f"Instrumental {style.value} track for a {round(duration_s)} second video, {mood(style, liveliness)} mood, "
        f"{suggested_bpm(style, liveliness)} BPM, {TASTES[style].instruments}, {pace}, no vocals, strong start within the first bar"
    )
