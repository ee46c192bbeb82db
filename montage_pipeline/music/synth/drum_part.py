"""What the drums and the effects play: grooves, fills, rolls, crashes."""

from collections.abc import Iterator

import numpy as np

from montage_pipeline.music.synth.arrangement import Arrangement, Bar
from montage_pipeline.music.synth.notes import Hit, Player
from montage_pipeline.styles.model import STEPS_A_BAR, Line

_MIN_BARS_OF_TWO_GROOVES = 22
"""Longer pieces return to full energy at their end, and get another groove for it."""

_BREAK_DRUMS = ("shaker", "hat", "rim", "high_tom")
"""The light sounds that bring the drums back in the second half of a break."""

_FILL_CHANCE = 0.5
"""How often a phrase of four bars ends in a fill within a section; a section always does."""

_FAINT = 0.45
_SKIP_CHANCE = 0.08
"""A player leaves out a faint stroke now and then."""

_SILENT_BAR = "." * STEPS_A_BAR
_HALF = STEPS_A_BAR // 2


def drum_hits(piece: Arrangement, player: Player, rng: np.random.Generator) -> list[Hit]:
    """Every stroke on the drums but that of the final chord."""
    hits: list[Hit] = []
    for bar in piece.each_bar():
        for name, line in _lines(piece, bar, rng).items():
            hits += _strokes(name, line, bar, player, rng)
    return hits


def _strokes(
    name: str, line: Line, bar: Bar, player: Player, rng: np.random.Generator
) -> Iterator[Hit]:
    """The strokes of one line. The kick keeps time and force; the others play as people do."""
    is_kick = name == "kick"
    force = 0.72 + 0.28 * bar.section.energy
    for step, mark in enumerate(line[:STEPS_A_BAR]):
        if not mark.isdigit():
            continue
        velocity = int(mark) / 9
        if velocity < _FAINT and rng.random() < _SKIP_CHANCE:
            continue
        touch = 1.0 if is_kick else float(rng.uniform(0.86, 1.08))
        start_s = player.time_s(bar.number, step, 0.25 if is_kick else 1.0)
        yield Hit(start_s, name, min(1.0, velocity * touch * force))


def _lines(piece: Arrangement, bar: Bar, rng: np.random.Generator) -> dict[str, Line]:
    """What each drum plays in a bar."""
    section = bar.section
    is_return = section.energy == 1.0 and section.first_bar > 0
    has_two_grooves = piece.bars > _MIN_BARS_OF_TWO_GROOVES
    groove = piece.second_groove if is_return and has_two_grooves else piece.groove

    if section.name == "break":
        return _break_lines(groove.light, bar)
    if section.name == "build" and piece.taste.risers:
        return _build_lines(piece.taste.kit, bar)

    is_thin = piece.is_gentle or _starts_thin(bar)
    lines = dict(groove.light if is_thin else groove.full)
    ends_section = bar.is_last and section.bars > 1
    ends_phrase = bar.place % 4 == 3
    if ends_section or (ends_phrase and rng.random() < _FILL_CHANCE):
        fill = piece.taste.fills[int(rng.integers(len(piece.taste.fills)))]
        if bar.is_last:
            lines = _cleared_for_fill(lines, piece.taste.kit)
        lines |= _filled(lines, fill)
    return lines


def _starts_thin(bar: Bar) -> bool:
    """Builds, and verses up to their middle, are played on few drums."""
    if bar.section.name == "build":
        return True
    return bar.section.name == "verse" and bar.place < max(1, bar.section.bars // 2)


def _break_lines(light: dict[str, Line], bar: Bar) -> dict[str, Line]:
    """Silence, then the lightest drums."""
    if not bar.in_second_half:
        return {}
    return {name: line for name, line in light.items() if name in _BREAK_DRUMS}


def _build_lines(kit: str, bar: Bar) -> dict[str, Line]:
    """A pulse and a snare roll that double their speed and leave a gap before the drop."""
    pulse_drum = "low_tom" if kit == "taiko" else "kick"
    pulse = "8.8.8.8.8.8....." if bar.is_last else "8...8...8...8..."
    if bar.place < bar.section.bars / 2:
        roll = {"snare": "4...5...4...5...", "hat": "..4...4...4...4."}
    else:
        roll = {"snare": "4.5.5.6.667778..", "hat": "4.4.4.4.4.4....."}
    return {pulse_drum: pulse, **roll}


def _cleared_for_fill(lines: dict[str, Line], kit: str) -> dict[str, Line]:
    """At the end of a section only the pulse goes on beneath the fill."""
    kept = ("kick", "shaker", "high_tom") if kit == "taiko" else ("kick", "shaker", "hat")
    return {
        name: line if name in kept else line[:_HALF] + "." * _HALF for name, line in lines.items()
    }


def _filled(lines: dict[str, Line], fill: dict[str, Line]) -> dict[str, Line]:
    """The lines that a fill changes: it replaces the second half of the bar."""
    return {
        name: lines.get(name, _SILENT_BAR)[:_HALF] + line.ljust(STEPS_A_BAR, ".")[_HALF:]
        for name, line in fill.items()
    }


def effect_hits(piece: Arrangement) -> list[Hit]:
    """What marks the start of sections: crashes, impacts, and swells that lead there."""
    force = 0.5 if piece.is_gentle else 1.0
    risers = piece.taste.risers
    hits = []
    for section in piece.sections:
        start_s = section.first_bar * piece.bar_s
        if section.name in ("hook", "drop"):
            hits.append(Hit(start_s, "crash", 0.55 * force))
            if risers:
                hits.append(Hit(start_s, "impact", 0.8 * force))

        if not section.first_bar:
            continue
        if section.name == "drop" and risers:
            hits.append(Hit(start_s, "swell", 0.75 * force))
        elif section.name in ("drop", "break"):
            hits.append(Hit(start_s, "reverse", 0.5 * force))
    return hits


def final_hits(piece: Arrangement) -> list[Hit]:
    """The strokes under the final chord."""
    at_s = piece.final_s
    is_soft = piece.is_gentle or not piece.taste.risers
    hits = [
        Hit(at_s, "low_tom" if piece.taste.kit == "taiko" else "kick", 0.9),
        Hit(at_s, "crash", 0.4 if is_soft else 0.8),
    ]
    if not is_soft:
        hits.append(Hit(at_s, "impact", 0.9))
    if piece.bars > 1 and piece.taste.risers:
        hits.append(Hit(at_s, "reverse", 0.4))
    return hits
