"""The brief in the words that music models on fal are steered by.

What is said here decides how the music sounds, not what is bought: rewording it leaves a purchase
under way what it is (order.purchase_fingerprint).
"""

from montage_pipeline.music.composer import MusicBrief
from montage_pipeline.music.moods import brightness_of

_KEY_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def prompt_text(brief: MusicBrief, limit: int) -> str:
    """The wishes of the brief, then key and tempo, in about `limit` characters at most.

    It ends the way CassetteAI's own examples do ("Key: D Minor, Tempo: 90 BPM."). A prompt that is
    too long loses the end of the wishes, never the key and the tempo.
    """
    steering = f"Instrumental, no vocals. Key: {_key(brief)}, Tempo: {brief.bpm} BPM."
    wishes = [
        brief.prompt,
        f"{brief.mood} mood" if brief.mood else "",
        f"{brief.style} video",
    ]
    wish = ", ".join(text.strip(" .,") for text in wishes if text)
    return f"{wish[: limit - len(steering) - 2]}. {steering}"


def _key(brief: MusicBrief) -> str:
    """A key drawn from the seed: minor for dark moods, major for bright ones, else either."""
    brightness = brightness_of(brief.mood)
    draws_minor = (brief.seed >> 4) % 2 == 0
    is_minor = brightness < 0 or (brightness == 0 and draws_minor)
    return f"{_KEY_NAMES[brief.seed % 12]} {'Minor' if is_minor else 'Major'}"
