"""Sounds every note of a performance and mixes the buses of the style."""

import numpy as np
from numpy.typing import NDArray

from montage_pipeline.music.synth.arrangement import Arrangement
from montage_pipeline.music.synth.notes import Hit, Note
from montage_pipeline.music.synth.performance import Performance, section_gains_db
from montage_pipeline.music.synth.sound import drums, mixing
from montage_pipeline.music.synth.sound.instrument import Instrument
from montage_pipeline.music.synth.sound.patches import PATCHES
from montage_pipeline.music.synth.sound.samples import SAMPLE_RATE, Stereo

_BUS_OF_HIT = {
    "kick": "kick",
    "low_tom": "drums",
    "tom": "drums",
    "high_tom": "drums",
    "snare": "drums",
    "clap": "drums",
    "hat": "perc",
    "open_hat": "perc",
    "crash": "fx",
    "impact": "fx",
    "swell": "fx",
    "reverse": "fx",
}
"""Every other sound of the kit is small percussion."""

_PAN = {
    "hat": 0.18,
    "open_hat": 0.22,
    "shaker": -0.4,
    "tambourine": 0.45,
    "conga": -0.3,
    "conga_high": -0.15,
    "block": 0.4,
    "rim": -0.12,
    "high_tom": 0.3,
    "tom": -0.2,
}
"""From -1 (left) to 1 (right), as the drummer faces the listener; the rest is in the middle."""

_TRIM = {
    "hat": 0.5,
    "open_hat": 0.45,
    "shaker": 0.4,
    "tambourine": 0.35,
    "snap": 0.55,
    "rim": 0.4,
    "block": 0.3,
    "clap": 0.75,
    "crash": 0.4,
    "swell": 0.3,
    "reverse": 0.28,
    "conga": 0.7,
}
"""Gain within a bus, so that a shaker does not drown the snare beside it."""

_REVERB = {
    "kick": 0.02,
    "drums": 0.16,
    "perc": 0.10,
    "bass": 0.0,
    "chords": 0.22,
    "pad": 0.30,
    "arp": 0.34,
    "lead": 0.32,
    "fx": 0.30,
}
"""Share of each bus sent into the room. Low sounds stay dry, or the room blurs them."""

_DELAY = {"arp": 0.35, "lead": 0.4, "chords": 0.06}
"""Share of a bus sent into the echo."""

_PUMPED = {"bass": 1.0, "chords": 0.9, "pad": 1.0, "arp": 0.7, "lead": 0.25}
"""How much of the kick's pump a bus feels."""

_GENTLE_DRUMS = ("kick", "drums", "perc", "fx")
_GENTLE_DB = 2.5
"""Gentle pieces have their drums this much lower."""

_BUS_LUFS = -20.0
"""A bus at 0 dB is this loud where it plays; six or so buses add up to about the master's level."""

_HARD_STROKE = 0.75
"""Strokes above this velocity sound as they are; softer ones take turns among duller takes."""

_FADER_HOP = 240
"""The fader moves every 5 ms."""

_ECHO_BEATS = 0.75
"""Dotted eighths: the echoes fall between the beats."""

_DULL_HZ = (9000.0, 6500.0)
"""Treble limits of the duller takes."""

_WARM_BELOW_HZ = 16_000
"""A style's treble limit above this takes away nothing that the instruments have."""

Takes = dict[str, list[Stereo]]


def mix_down(piece: Arrangement, played: Performance, seed: int) -> Stereo:
    """The finished, mastered piece: samples x 2, peaks below -1 dBTP, about -14 LUFS."""
    taste = piece.taste
    samples = int(piece.length_s * SAMPLE_RATE)
    takes = _takes(piece, seed)
    pump = _pump(piece, played.hits, samples)
    mix = np.zeros((samples, 2), dtype=np.float32)
    reverb_send, delay_send = np.zeros_like(mix), np.zeros_like(mix)

    # One bus after the other: ten of them at once are most of a gigabyte for a minute and a half.
    for number, name in enumerate(taste.levels_db):
        bus = np.zeros((samples, 2), dtype=np.float32)
        if name in played.notes:
            instrument = Instrument(PATCHES[played.patches[name]], seed * 16 + number)
            _sound_notes(bus, played.notes[name], instrument, is_gentle=piece.is_gentle)
        hits = [hit for hit in played.hits if _BUS_OF_HIT.get(hit.sound, "perc") == name]
        _sound_hits(bus, hits, takes)
        if not bus.any():
            continue

        bus *= np.float32(mixing.db(_bus_gain_db(piece, name, bus)))
        if name in _PUMPED:
            bus *= (1.0 - (1.0 - pump) * np.float32(_PUMPED[name]))[:, None]
        mix += bus
        if name in _DELAY:
            delay_send += bus * np.float32(_DELAY[name] * taste.delay)
        if _REVERB[name]:
            bus *= np.float32(_REVERB[name] * taste.room)
            reverb_send += bus

    echoes = mixing.ping_pong(delay_send, _ECHO_BEATS * piece.beat_s)
    mix += echoes
    reverb_send += echoes * np.float32(0.3)
    room = mixing.room_response(taste.reverb_s, np.random.default_rng((seed, 13)))
    mix += mixing.reverberate(reverb_send, room)
    if taste.warmth_hz < _WARM_BELOW_HZ:
        mix = mixing.lowpass(mix, taste.warmth_hz)
    mix *= _fader(piece, samples)[:, None]
    return _fade_ends(mixing.master(mix))


def _takes(piece: Arrangement, seed: int) -> Takes:
    """The sounds of the kit, panned.

    What is struck most has three takes, so that no two strokes in a row are the same.
    """
    kit = drums.kit(np.random.default_rng((seed, 11)), piece.taste.kit)
    rng = np.random.default_rng((seed, 12))
    kit |= {
        "swell": drums.swell(rng, min(3.0, 4 * piece.beat_s)),
        "reverse": drums.reverse_cymbal(rng, min(2.0, 2 * piece.beat_s)),
    }
    takes = {name: [_panned(sound, _PAN.get(name, 0.0))] for name, sound in kit.items()}
    for name in ("hat", "shaker", "snare"):
        takes[name] += [mixing.lowpass(takes[name][0], hz) for hz in _DULL_HZ]
    return takes


def _panned(sound: Stereo, place: float) -> Stereo:
    """The sound moved to a place, -1 (left) to 1 (right), at constant power."""
    angle = (place + 1) * np.pi / 4
    gains = np.array([np.cos(angle), np.sin(angle)], dtype=np.float32) * np.float32(np.sqrt(2))
    return sound * gains


def _pump(piece: Arrangement, hits: list[Hit], samples: int) -> NDArray[np.float32]:
    """How the kick, or the drum in its place, presses the other buses."""
    kicks = [(hit.start_s, hit.velocity) for hit in hits if hit.sound in ("kick", "low_tom")]
    depth = piece.taste.pump * (0.5 if piece.is_gentle else 1.0)
    return mixing.pump_curve(samples, kicks, depth, piece.beat_s)


def _sound_notes(
    bus: Stereo, notes: list[Note], instrument: Instrument, *, is_gentle: bool
) -> None:
    for note in notes:
        brightness = 0.6 * note.velocity if is_gentle else 0.15 + 0.85 * note.velocity
        sound = instrument.note(note.pitch, note.length_s, brightness)
        _add(bus, sound, int(note.start_s * SAMPLE_RATE), note.velocity**1.3)


def _sound_hits(bus: Stereo, hits: list[Hit], takes: Takes) -> None:
    for count, hit in enumerate(hits):
        choice = takes[hit.sound]
        sound = choice[0] if hit.velocity > _HARD_STROKE else choice[count % len(choice)]
        at = int(hit.start_s * SAMPLE_RATE)
        if hit.sound in ("swell", "reverse"):
            at -= len(sound)
            if at < -len(sound) // 2:
                continue  # more than half of it would lie before the start
        _add(bus, sound, at, hit.velocity**1.5 * _TRIM.get(hit.sound, 1.0))


def _add(bus: Stereo, sound: Stereo, at: int, gain: float) -> None:
    """Add a sound at a sample of the bus; what lies outside is lost."""
    if at < 0:
        sound, at = sound[-at:], 0
    span = bus[at : at + len(sound)]
    span += sound[: len(span)] * np.float32(gain)


def _bus_gain_db(piece: Arrangement, name: str, bus: Stereo) -> float:
    """What brings a bus to the level that the style gives it."""
    level_db = piece.taste.levels_db[name]
    if piece.is_gentle and name in _GENTLE_DRUMS:
        level_db -= _GENTLE_DB
    return _BUS_LUFS + level_db - mixing.busy_lufs(bus)


def _fader(piece: Arrangement, samples: int) -> NDArray[np.float32]:
    """The gain of the whole mix, sample by sample."""
    times_s, gains_db = zip(*section_gains_db(piece), strict=True)
    places = np.arange(0, samples, _FADER_HOP)
    gains = 10 ** (np.interp(places / SAMPLE_RATE, times_s, gains_db) / 20)
    return np.asarray(np.interp(np.arange(samples), places, gains), dtype=np.float32)


def _fade_ends(sound: Stereo) -> Stereo:
    """No step at either end of the file."""
    tail = int(0.35 * SAMPLE_RATE)
    sound[-tail:] *= (np.linspace(1, 0, tail, dtype=np.float32) ** 2)[:, None]
    head = 24
    sound[:head] *= np.linspace(0, 1, head, dtype=np.float32)[:, None]
    return sound
