"""Sounds every note of a performance and mixes the buses of the style."""

import numpy as np

from montage_pipeline.music.synth import drums, mixing
from montage_pipeline.music.synth.arrangement import Arrangement
from montage_pipeline.music.synth.instruments import SAMPLE_RATE, Instrument, Stereo
from montage_pipeline.music.synth.notes import Hit, Note
from montage_pipeline.music.synth.patches import PATCHES
from montage_pipeline.music.synth.performance import Performance, section_gains_db

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
# Loudness within a bus, so that a shaker does not drown the snare beside it.
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
_DELAY = {"arp": 0.35, "lead": 0.4, "chords": 0.06}
_PUMPED = {"bass": 1.0, "chords": 0.9, "pad": 1.0, "arp": 0.7, "lead": 0.25}
_VARIANTS = 3


def _pan(sound: Stereo, place: float) -> Stereo:
    angle = (place + 1) * np.pi / 4
    gains = np.array([np.cos(angle), np.sin(angle)], dtype=np.float32) * np.float32(np.sqrt(2))
    return sound * gains


def _add(bus: Stereo, sound: Stereo, at: int, gain: float) -> None:
    if at < 0:
        sound, at = sound[-at:], 0
    span = bus[at : at + len(sound)]
    span += sound[: len(span)] * np.float32(gain)


def _takes(piece: Arrangement, seed: int) -> dict[str, list[Stereo]]:
    """The sounds of the kit in their places; three takes of what is struck most, so that no two
    strokes in a row are the same.
    """
    kit = drums.kit(np.random.default_rng((seed, 11)), piece.taste.kit)
    rng = np.random.default_rng((seed, 12))
    kit |= {
        "swell": drums.swell(rng, min(3.0, 4 * piece.beat_s)),
        "reverse": drums.reverse_cymbal(rng, min(2.0, 2 * piece.beat_s)),
    }
    takes = {name: [_pan(sound, _PAN.get(name, 0.0))] for name, sound in kit.items()}
    for name in ("hat", "shaker", "snare"):
        takes[name] += [mixing.lowpass(takes[name][0], cut) for cut in (9000.0, 6500.0)]
    return takes


def _sound_hits(bus: Stereo, hits: list[Hit], takes: dict[str, list[Stereo]]) -> None:
    for count, hit in enumerate(hits):
        choice = takes[hit.sound]
        sound = choice[0] if hit.velocity > 0.75 else choice[count % len(choice)]
        at = int(hit.start_s * SAMPLE_RATE)
        if hit.sound in ("swell", "reverse"):
            at -= len(sound)
            if at < -len(sound) // 2:
                continue
        _add(bus, sound, at, hit.velocity**1.5 * _TRIM.get(hit.sound, 1.0))


def _sound_notes(bus: Stereo, notes: list[Note], instrument: Instrument, gentle: float) -> None:
    for note in notes:
        brightness = 0.6 * note.velocity if gentle else 0.15 + 0.85 * note.velocity
        _add(
            bus,
            instrument.note(note.pitch, note.length_s, brightness),
            int(note.start_s * SAMPLE_RATE),
            note.velocity**1.3,
        )


def mix_down(piece: Arrangement, played: Performance, seed: int) -> Stereo:
    """The finished, mastered piece: samples x 2, peaks below -1 dBTP, about -14 LUFS."""
    score = piece.taste
    samples = int(piece.length_s * SAMPLE_RATE)
    takes = _takes(piece, seed)
    kicks = [(hit.start_s, hit.velocity) for hit in played.hits if hit.sound in ("kick", "low_tom")]
    pump = mixing.pump_curve(
        samples, kicks, score.pump * (0.5 if piece.is_gentle else 1.0), piece.beat_s
    )
    mix = np.zeros((samples, 2), dtype=np.float32)
    reverb_send, delay_send = np.zeros_like(mix), np.zeros_like(mix)
    # One bus after the other: ten of them at once are most of a gigabyte for a minute and a half.
    for number, name in enumerate(score.levels_db):
        bus = np.zeros((samples, 2), dtype=np.float32)
        if name in played.notes:
            _sound_notes(
                bus,
                played.notes[name],
                Instrument(PATCHES[played.patches[name]], seed * 16 + number),
                piece.is_gentle,
            )
        _sound_hits(
            bus, [hit for hit in played.hits if _BUS_OF_HIT.get(hit.sound, "perc") == name], takes
        )
        if not bus.any():
            continue
        level_db = score.levels_db[name] - (
            2.5 if piece.is_gentle and name in ("kick", "drums", "perc", "fx") else 0.0
        )
        bus *= np.float32(mixing.db(-20.0 + level_db - mixing.busy_lufs(bus)))
        if name in _PUMPED:
            bus *= (1.0 - (1.0 - pump) * np.float32(_PUMPED[name]))[:, None]
        mix += bus
        if name in _DELAY:
            delay_send += bus * np.float32(_DELAY[name] * score.delay)
        if _REVERB[name]:
            bus *= np.float32(_REVERB[name] * score.room)
            reverb_send += bus
    echoes = mixing.ping_pong(delay_send, 0.75 * piece.beat_s)
    mix += echoes
    reverb_send += echoes * np.float32(0.3)
    mix += mixing.reverberate(
        reverb_send, mixing.room_response(score.reverb_s, np.random.default_rng((seed, 13)))
    )
    if score.warmth_hz < 16_000:
        mix = mixing.lowpass(mix, score.warmth_hz)
    times_s, gains_db = zip(*section_gains_db(piece), strict=True)
    fader = 10 ** (np.interp(np.arange(0, samples, 240) / SAMPLE_RATE, times_s, gains_db) / 20)
    mix *= np.interp(np.arange(samples), np.arange(0, samples, 240), fader).astype(np.float32)[
        :, None
    ]
    return _fade_end(mixing.master(mix))


def _fade_end(sound: Stereo) -> Stereo:
    """No step at either end of the file."""
    tail = int(0.35 * SAMPLE_RATE)
    sound[-tail:] *= (np.linspace(1, 0, tail, dtype=np.float32) ** 2)[:, None]
    head = 24
    sound[:head] *= np.linspace(0, 1, head, dtype=np.float32)[:, None]
    return sound
