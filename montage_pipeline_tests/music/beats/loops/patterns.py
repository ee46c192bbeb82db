"""What the band plays in a loop of each kind."""

from collections.abc import Callable

from montage_pipeline_tests.music.beats.loops.band import Band


def _drawn(band: Band, *choices: str) -> str:
    """One of the choices; one that stands twice is twice as likely."""
    return str(band.rng.choice(choices))


def _hats_a_beat(band: Band) -> int:
    """Hats a beat: sixteenths only where a player could."""
    if band.bpm < 100:
        return int(band.rng.choice([2, 2, 4]))
    return int(band.rng.choice([1, 2, 2])) if band.bpm > 130 else 2


def _click(band: Band) -> None:
    """One sound on every beat, on some metronomes another on the first of the bar."""
    plain = _drawn(band, "beep", "beep", "hat", "tom", "clap", "kick", "ride")
    first = _drawn(band, plain, plain, "tom", "clap", "beep")
    for beat in range(band.beats):
        band.drum(plain if beat % 4 else first, beat)


def _rock(band: Band) -> None:
    kicks = [[0.0, 2.0], [0.0, 2.0, 2.5], [0.0, 1.5, 2.0], [0.0, 2.0, 3.5]][
        int(band.rng.integers(4))
    ]
    for bar in range(band.bars):
        for place in kicks:
            band.drum("kick", 4 * bar + place)
        for place in (1, 3):
            band.drum("snare", 4 * bar + place, 0.9)
    band.hats(_hats_a_beat(band))
    if band.machine and band.rng.random() < 0.5:
        return
    band.fills()
    if band.rng.random() < 0.7:
        band.bass(_drawn(band, "eighths", "halves", "walking", "syncopated"))
    if band.rng.random() < 0.7:
        band.comping(_drawn(band, "long", "quarters", "halves", "strum"))


def _four(band: Band) -> None:
    for beat in range(band.beats):
        band.drum("kick", beat)
        if beat % 2 and band.tone:
            band.drum("clap", beat, 0.7)
    if band.rng.random() < 0.6:
        for beat in range(band.beats):
            band.drum("open", beat + 0.5, 0.6)
    else:
        band.hats(_hats_a_beat(band))
    if band.rng.random() < 0.25:
        return
    band.fills()
    band.bass(_drawn(band, "offbeats", "eighths", "long"))
    band.comping(_drawn(band, "offbeats", "long", "quarters"))


def _broken(band: Band) -> None:
    kicks = [[0.0, 2.5], [0.0, 0.75, 2.5], [0.0, 1.75, 2.25, 2.5], [0.0, 1.5, 2.75]][
        int(band.rng.integers(4))
    ]
    for bar in range(band.bars):
        for place in kicks:
            band.drum("kick", 4 * bar + place)
        for place in (1, 3):
            band.drum("snare", 4 * bar + place, 0.9)
        for place in (1.75, 2.25, 3.75):
            if band.rng.random() < 0.5:
                band.drum("snare", 4 * bar + place, 0.3)
    band.hats(_hats_a_beat(band))
    band.fills()
    band.bass(_drawn(band, "long", "syncopated", "halves"))
    if band.rng.random() < 0.6:
        band.comping(_drawn(band, "long", "offbeats"))


def _swing(band: Band) -> None:
    band.swing = float(band.rng.uniform(0.57, 0.68))
    if band.rng.random() < 0.5:
        for bar in range(band.bars):
            for place in (0.0, 1.0, 1.5, 2.0, 3.0, 3.5):
                band.drum("ride", 4 * bar + place, 0.8 if place in (1.0, 3.0) else 0.6)
            for place in (1, 3):
                band.drum("hat", 4 * bar + place, 0.7)
            for place in (0, 2):
                band.drum("kick", 4 * bar + place, 0.5)
            if band.rng.random() < 0.3:
                band.drum("snare", 4 * bar + float(band.rng.choice([1.5, 2.5, 3.5])), 0.5)
        band.bass("walking")
    else:
        for bar in range(band.bars):
            for place in (0.0, 2.0, 2.5) if band.tone < 2 else (0.0, 1.5, 2.0):
                band.drum("kick", 4 * bar + place)
            for place in (1, 3):
                band.drum("snare", 4 * bar + place, 0.9)
        band.hats(2)
        band.bass(_drawn(band, "eighths", "halves"))
    band.comping(_drawn(band, "long", "offbeats", "quarters"))


def _drop_out(band: Band) -> None:
    length = int(band.rng.choice([4, 6, 8]))
    first = int(band.rng.integers(2, max(3, band.bars // 3))) * 4
    second = first + 8 + int(band.rng.integers(2, 5)) * 4
    # The drums come back on a bar's first beat.
    pauses = [(start + (-length) % 4, start + (-length) % 4 + length) for start in (first, second)]
    band.pauses = tuple(pause for pause in pauses if pause[1] < band.beats - 4)
    band.silent_pauses = bool(band.rng.random() < 0.4)
    (_rock, _four, _broken)[int(band.rng.integers(3))](band)


def _chords(band: Band) -> None:
    band.bars_a_chord = min(band.bars_a_chord, 2.0)
    band.comping(_drawn(band, "quarters", "halves", "strum"))
    if band.rng.random() < 0.7:
        band.bass(_drawn(band, "halves", "long", "walking"))


def _arpeggio(band: Band) -> None:
    band.bars_a_chord = min(band.bars_a_chord, 2.0)
    band.arpeggio(2 if band.bpm > 100 else int(band.rng.choice([2, 4])))
    if band.rng.random() < 0.7:
        band.bass(_drawn(band, "halves", "long"))


def _half_time(band: Band) -> None:
    kicks = [[0.0], [0.0, 1.5], [0.0, 0.5, 3.5], [0.0, 2.75]][int(band.rng.integers(4))]
    for bar in range(band.bars):
        for place in kicks:
            band.drum("kick", 4 * bar + place)
        band.drum("clap" if band.tone < 2 else "snare", 4 * bar + 2)
    # Slower, and with hats on the beats only, it would be the rock loop of half the tempo.
    band.hats(2 if band.bpm < 140 else int(band.rng.choice([1, 2, 2])))
    band.fills()
    if band.rng.random() < 0.8:
        band.bass(_drawn(band, "long", "syncopated", "halves"))
    if band.rng.random() < 0.7:
        band.comping(_drawn(band, "long", "quarters"))


def _waltz(band: Band) -> None:
    band.in_three()
    if band.rng.random() < 0.7:
        for bar in range(band.bars):
            band.drum("kick", 3 * bar)
            for place in (1, 2):
                band.drum("snare" if band.tone < 2 else "hat", 3 * bar + place, 0.5)
        if band.rng.random() < 0.5:
            band.hats(2 if band.bpm < 140 else 1)
    band.bass("long")
    if band.rng.random() < 0.7:
        band.comping("two-three")
    else:
        band.arpeggio(2)


def _live(band: Band) -> None:
    band.jitter_s = 0.008
    (_rock, _swing, _broken)[int(band.rng.integers(3))](band)


def _odd(band: Band) -> None:
    """Something on 1 and 3, something else on 2 and 4, a third sound between: no kick, no snare."""
    sounds = [
        str(name) for name in band.rng.permutation(["beep", "tom", "clap", "ride", "shaker"])[:3]
    ]
    firsts = [[0.0, 2.0], [0.0, 2.0, 2.5], [0.0, 1.5, 2.0]][int(band.rng.integers(3))]
    for bar in range(band.bars):
        for place in firsts:
            band.drum(sounds[0], 4 * bar + place)
        for place in (1, 3):
            band.drum(sounds[1], 4 * bar + place, 0.8)
    for place in range(2 * band.beats):
        band.drum(sounds[2], place / 2, 0.3 if place % 2 else 0.4)
    if band.rng.random() < 0.5:
        band.bass(_drawn(band, "long", "halves"))


PATTERNS: dict[str, Callable[[Band], None]] = {
    "click": _click,
    "rock": _rock,
    "four-on-floor": _four,
    "broken": _broken,
    "swing": _swing,
    "drop-out": _drop_out,
    "chords": _chords,
    "arpeggio": _arpeggio,
    "half-time": _half_time,
    "waltz": _waltz,
    "live": _live,
    "odd": _odd,
}
