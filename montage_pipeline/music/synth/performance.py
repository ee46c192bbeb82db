"""From an arrangement to timed notes and hits: who plays what, when, how hard."""

from dataclasses import dataclass, field

import numpy as np

from montage_pipeline.music.synth.arrangement import BEATS_A_BAR, Arrangement, Section
from montage_pipeline.music.synth.harmony import bass_pitch, voice
from montage_pipeline.music.synth.melody import Arpeggio, Motif, line_notes

STEPS = 16


@dataclass(frozen=True)
class Note:
    """A pitched note: seconds, MIDI pitch, velocity 0..1."""

    start_s: float
    length_s: float
    pitch: int
    velocity: float


@dataclass(frozen=True)
class Hit:
    """A drum or effect by its name in the kit; `swell` hits end, not start, at `start_s`."""

    start_s: float
    sound: str
    velocity: float


@dataclass
class Performance:
    """All notes by part (bass, chords, pad, arp, lead), all hits, and the patch of each part."""

    patches: dict[str, str]
    notes: dict[str, list[Note]] = field(default_factory=dict)
    hits: list[Hit] = field(default_factory=list)


class _Player:
    """Puts steps on the clock: swing, a human's spread, never before the start."""

    def __init__(self, piece: Arrangement, rng: np.random.Generator) -> None:
        self._piece = piece
        self._rng = rng
        self.step_s = piece.beat_s / 4

    def time_s(self, bar: int, step: float, looseness: float = 1.0) -> float:
        swing = self._piece.swing if step % 2 == 1 else 0.0
        drift = (
            float(np.clip(self._rng.normal(), -2, 2))
            * self._piece.score.looseness_ms
            / 1000
            * looseness
        )
        return max(
            0.0, bar * BEATS_A_BAR * self._piece.beat_s + (step + swing) * self.step_s + drift
        )


def perform(piece: Arrangement, rng: np.random.Generator) -> Performance:
    """Play the arrangement."""
    score = piece.score
    patches = {
        "bass": str(rng.choice(score.basses)),
        "chords": str(rng.choice(score.chords)),
        "pad": str(rng.choice(score.pads)),
        "arp": str(rng.choice(score.arps)),
        "lead": str(rng.choice(score.leads)),
    }
    played = Performance(patches, {part: [] for part in patches})
    player = _Player(piece, rng)
    _drums(piece, played, player, rng)
    _effects(piece, played)
    voicings = _voicings(piece)
    _bass(piece, played, player, rng)
    _harmony(piece, played, player, voicings, rng)
    _tune(piece, played, player, voicings, rng)
    _ending(piece, played, voicings)
    return played


def _voicings(piece: Arrangement) -> list[tuple[int, ...]]:
    voicings: list[tuple[int, ...]] = []
    for chord in piece.chords:
        voicings.append(
            voice(chord, piece.key, voicings[-1] if voicings else None, piece.score.chord_centre)
        )
    return voicings


def _merge(line: str, fill: str) -> str:
    """The second half of a bar replaced by a fill's."""
    return line[:8] + fill[8:] if len(fill) == STEPS else line


def _drum_lines(
    piece: Arrangement, section: Section, bar: int, rng: np.random.Generator
) -> dict[str, str]:
    place = bar - section.first_bar
    groove = (
        piece.second_groove
        if section.energy == 1.0 and section.first_bar > 0 and piece.bars > 22
        else piece.groove
    )
    if section.name == "break":
        return (
            {
                name: line
                for name, line in groove.light.items()
                if name in ("shaker", "hat", "rim", "high_tom")
            }
            if place >= section.bars // 2
            else {}
        )
    if section.name == "build" and piece.score.risers:
        pulse = "low_tom" if piece.score.kit == "taiko" else "kick"
        return {
            pulse: "8...8...8...8..." if place < section.bars - 1 else "8.8.8.8.8.8.....",
            **_build_roll(place, section.bars),
        }
    thin = section.name == "build" or (
        section.name == "verse" and place < max(1, section.bars // 2)
    )
    lines = dict(groove.light if thin or piece.gentle else groove.full)
    last_of_section = bar == section.end_bar - 1
    if (last_of_section and section.bars > 1) or (place % 4 == 3 and rng.random() < 0.5):
        fill = piece.score.fills[int(rng.integers(len(piece.score.fills)))]
        if last_of_section:
            keep = (
                ("kick", "shaker", "hat")
                if piece.score.kit != "taiko"
                else ("kick", "shaker", "high_tom")
            )
            lines = {
                name: line if name in keep else line[:8] + "." * 8 for name, line in lines.items()
            }
        for name, line in fill.items():
            lines[name] = _merge(lines.get(name, "." * STEPS), line.ljust(STEPS, "."))
    return lines


def _build_roll(place: int, bars: int) -> dict[str, str]:
    """A snare roll that doubles its speed towards the drop and leaves a gap before it."""
    if place < bars / 2:
        return {"snare": "4...5...4...5...", "hat": "..4...4...4...4."}
    return {"snare": "4.5.5.6.6677788."[:14] + "..", "hat": "4.4.4.4.4.4....."}


def _drums(
    piece: Arrangement, played: Performance, player: _Player, rng: np.random.Generator
) -> None:
    for bar in range(piece.bars):
        section = piece.section_at(bar)
        scale = 0.72 + 0.28 * section.energy
        for name, line in _drum_lines(piece, section, bar, rng).items():
            loose = 0.25 if name == "kick" else 1.0
            for step, mark in enumerate(line[:STEPS]):
                if not mark.isdigit():
                    continue
                velocity = int(mark) / 9
                if velocity < 0.45 and rng.random() < 0.08:
                    continue
                human = 1.0 if name == "kick" else float(rng.uniform(0.86, 1.08))
                played.hits.append(
                    Hit(player.time_s(bar, step, loose), name, min(1.0, velocity * human * scale))
                )


def _effects(piece: Arrangement, played: Performance) -> None:
    bar_s = BEATS_A_BAR * piece.beat_s
    strong = 0.5 if piece.gentle else 1.0
    for section in piece.sections:
        start_s = section.first_bar * bar_s
        if section.name in ("hook", "drop"):
            played.hits.append(Hit(start_s, "crash", 0.55 * strong))
            if piece.score.risers:
                played.hits.append(Hit(start_s, "impact", 0.8 * strong))
        if section.name == "drop" and section.first_bar and piece.score.risers:
            played.hits.append(Hit(start_s, "swell", 0.75 * strong))
        elif section.first_bar and section.name in ("drop", "break"):
            played.hits.append(Hit(start_s, "reverse", 0.5 * strong))


def _bass(
    piece: Arrangement, played: Performance, player: _Player, rng: np.random.Generator
) -> None:
    score = piece.score
    main, other = (score.bass_lines[i] for i in rng.permutation(len(score.bass_lines))[:2])
    for bar in range(piece.bars):
        section = piece.section_at(bar)
        place = bar - section.first_bar
        if (section.name == "break" and place < section.bars / 2) or (
            section.name == "build" and place == section.bars - 1
        ):
            continue
        line = (
            "R---------------"
            if section.name in ("break", "build")
            else other
            if section.name == "verse"
            else main
        )
        chord, following = piece.chords[bar], piece.chords[bar + 1]
        root = bass_pitch(chord, piece.key)
        target = bass_pitch(following, piece.key)
        fifth = root + 7
        for step, steps, accented in line_notes(line):
            mark = line[step]
            below = max((p for p in _scale(piece) if p < target), default=root)
            pitch = {
                "R": root,
                "O": root + 12,
                "F": fifth if fifth <= 50 else fifth - 12,
                "A": below,
            }[mark]
            length_s = max(0.08, steps * player.step_s - 0.012)
            played.notes["bass"].append(
                Note(
                    player.time_s(bar, step, 0.4),
                    length_s,
                    pitch,
                    (0.95 if accented else 0.8) * (0.8 + 0.2 * section.energy),
                )
            )


def _scale(piece: Arrangement) -> list[int]:
    """All pitches of the key from the bass to the middle, ascending."""
    return sorted(piece.key.pitch(degree, 24) for degree in range(-7, 21))


def section_gains_db(piece: Arrangement) -> list[tuple[float, float]]:
    """The fader of the whole mix as (seconds, dB) points: verses sit back, builds rise, the last
    chord rings out.
    """
    bar_s = BEATS_A_BAR * piece.beat_s
    points: list[tuple[float, float]] = []
    for section in piece.sections:
        first_db, last_db = {
            "verse": (-2.5, -2.0),
            "build": (-4.0, -1.5),
            "break": (-3.0, -3.0),
            "hook": (-0.5, -0.5),
        }.get(section.name, (0.0, 0.0))
        if piece.gentle or not piece.score.risers:
            first_db, last_db = first_db * 0.6, last_db * 0.6
        points += [
            (section.first_bar * bar_s + 0.01, first_db),
            (section.end_bar * bar_s - 0.02, last_db),
        ]
    ring_s = piece.length_s - piece.final_s
    return [
        *points,
        (piece.final_s, 0.0),
        (piece.final_s + 0.45 * ring_s, -1.0),
        (piece.final_s + 0.8 * ring_s, -6.0),
        (piece.length_s, -22.0),
    ]


def _harmony(
    piece: Arrangement,
    played: Performance,
    player: _Player,
    voicings: list[tuple[int, ...]],
    rng: np.random.Generator,
) -> None:
    score = piece.score
    lines = [score.chord_lines[i] for i in rng.permutation(len(score.chord_lines))[:2]]
    arpeggio = Arpeggio(score, rng)
    strums = played.patches["chords"] in ("guitar", "nylon")
    bar_s = BEATS_A_BAR * piece.beat_s
    for bar in range(piece.bars):
        section = piece.section_at(bar)
        place = bar - section.first_bar
        force = 0.6 + 0.4 * section.energy
        if section.name != "break":
            line = (
                "X---------------"
                if section.name == "build" and score.home_bpm > 100
                else lines[1 if section.name == "verse" else 0]
            )
            for step, steps, accented in line_notes(line):
                at_s = player.time_s(bar, step)
                notes = voicings[bar] if (step // 2) % 2 == 0 or not strums else voicings[bar][::-1]
                for number, pitch in enumerate(notes):
                    late = number * (0.011 if strums else 0.0)
                    length_s = max(0.1, steps * player.step_s - 0.02)
                    played.notes["chords"].append(
                        Note(at_s + late, length_s, pitch, force * (0.9 if accented else 0.66))
                    )
        pads = section.name in ("break", "build", "drop") or score.levels_db["pad"] > -8
        if pads:
            level = {
                "break": 1.0,
                "build": 0.7 + 0.3 * (place + 1) / section.bars,
                "drop": 0.85,
            }.get(section.name, 0.7)
            played.notes["pad"] += [
                Note(bar * bar_s, bar_s, pitch, level) for pitch in voicings[bar]
            ]
        arps = (
            section.name in ("break", "drop", "build")
            or (section.name == "verse" and place >= section.bars // 2)
            or score.home_bpm < 100
        )
        if arps:
            swell = (place + 1) / section.bars if section.name == "build" else 1.0
            for step, steps, pitch, velocity in arpeggio.bar(voicings[bar]):
                at_s = player.time_s(bar, step, 0.6)
                level = velocity * swell * (0.75 if section.name == "verse" else 1.0)
                played.notes["arp"].append(Note(at_s, steps * player.step_s * 0.9, pitch, level))


def _tune(
    piece: Arrangement,
    played: Performance,
    player: _Player,
    voicings: list[tuple[int, ...]],
    rng: np.random.Generator,
) -> None:
    motif = Motif(piece.score, rng)
    drops = 0
    for section in piece.sections:
        if section.name in ("build",):
            continue
        drops += section.name == "drop"
        for place in range(section.bars):
            bar = section.first_bar + place
            if section.name == "verse" and (place % 4 not in (2, 3) or section.bars < 4):
                continue
            for note in motif.bar(
                place, piece.chords[bar], sparse=section.name in ("break", "verse")
            ):
                at_s = player.time_s(bar, note.step, 0.7)
                pitch = piece.key.pitch(note.degree, 60)
                pitch += (
                    12 * round((piece.score.lead_octave + 2 - pitch) / 12)
                    if abs(pitch - piece.score.lead_octave - 2) > 10
                    else 0
                )
                length_s = max(0.1, note.steps * player.step_s - 0.015)
                force = note.velocity * (0.7 + 0.3 * section.energy)
                played.notes["lead"].append(Note(at_s, length_s, pitch, force))
                if drops >= 2:
                    # The return of the theme is doubled at the octave.
                    played.notes["lead"].append(
                        Note(at_s, length_s, pitch + 12 if pitch < 79 else pitch - 12, 0.45 * force)
                    )


def _ending(piece: Arrangement, played: Performance, voicings: list[tuple[int, ...]]) -> None:
    """The last chord, struck together and left to ring to the end of the file."""
    at_s = piece.final_s
    ring_s = piece.length_s - at_s - 0.4
    root = bass_pitch(piece.chords[-1], piece.key)
    played.notes["bass"].append(Note(at_s, min(ring_s, 2.6), root, 0.95))
    for pitch in voicings[-1]:
        played.notes["chords"].append(Note(at_s, min(ring_s, 2.4), pitch, 0.95))
        played.notes["pad"].append(Note(at_s, ring_s * 0.75, pitch, 0.8))
    tonic = piece.key.pitch(0, 60)
    tonic += 12 * round((piece.score.lead_octave - tonic) / 12)
    played.notes["lead"].append(Note(at_s, min(ring_s, 2.2), tonic, 0.8))
    soft = piece.gentle or not piece.score.risers
    played.hits.append(Hit(at_s, "kick" if piece.score.kit != "taiko" else "low_tom", 0.9))
    played.hits.append(Hit(at_s, "crash", 0.4 if soft else 0.8))
    if not soft:
        played.hits.append(Hit(at_s, "impact", 0.9))
    if piece.bars > 1 and piece.score.risers:
        played.hits.append(Hit(at_s, "reverse", 0.4))
