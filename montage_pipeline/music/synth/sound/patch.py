"""`Patch`: the parameters of one instrument."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Patch:
    """One instrument. Times are in seconds at middle C; which fields count depends on `kind`."""

    name: str

    kind: Literal["harmonic", "fm", "modal", "sub"] = "harmonic"
    """How it is synthesised (voices)."""

    slope: float = 1.0
    """Fall of the partials as a power of their number: 1 is a sawtooth, 2 and more are soft."""

    odd: float = 0.0
    """Share of the even partials that is removed: 1 is square-like, hollow."""

    pluck: float = 0.0
    """Where a string is plucked, as a share of its length. 0: no string."""

    attack_s: float = 0.004
    """From silence to full level."""

    decay_s: float = 1.0
    """Ring of the fundamental."""

    damping: float = 0.6
    """How much faster each higher group of partials dies."""

    sustain: float = 0.0
    """Level held while the key is down."""

    release_s: float = 0.12
    """From letting go to silence."""

    unison: int = 1
    """Voices that play each note."""

    detune_cents: float = 0.0
    """How far the voices spread in pitch, either way."""

    width: float = 0.3
    """How far the voices spread in the room: 0 mono, 1 wide."""

    vibrato_cents: float = 0.0
    """Depth of the vibrato; only a single voice has one."""

    vibrato_hz: float = 5.2
    """Speed of the vibrato."""

    fm_index: float = 1.2
    """For `fm`: how much the modulator colours the tone."""

    fm_ratio: float = 1.0
    """For `fm`: frequency of the modulator relative to the note."""

    drive: float = 0.0
    """Saturation."""

    breath: float = 0.0
    """Air around a blown note."""

    knock: float = 0.0
    """Noise of the hammer or the finger before the string speaks."""

    modes: tuple[tuple[float, float, float], ...] = ()
    """For `modal`: (frequency ratio, level, ring relative to `decay_s`)."""
