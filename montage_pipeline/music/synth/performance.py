"""From an arrangement to timed notes and hits: who plays what, when, how hard."""

from dataclasses import dataclass, field

import numpy as np

from montage_pipeline.music.synth.arrangement import Arrangement, SectionName
from montage_pipeline.music.synth.drum_part import drum_hits, effect_hits, final_hits
from montage_pipeline.music.synth.notes import Hit, Note, Player
from montage_pipeline.music.synth.pitched_parts import (
    BassPart,
    HarmonyNotes,
    HarmonyParts,
    LeadPart,
    voicings_of,
)
from montage_pipeline.styles.model import MusicTaste


@dataclass
class Performance:
    """All notes by part (bass, chords, pad, arp, lead), all hits, and the patch of each part."""

    patches: dict[str, str]
    notes: dict[str, list[Note]] = field(default_factory=dict)
    hits: list[Hit] = field(default_factory=list)

    def add_harmony(self, notes: HarmonyNotes) -> None:
        """Add what chords, pad and arpeggio play."""
        self.notes["chords"] += notes.chords
        self.notes["pad"] += notes.pad
        self.notes["arp"] += notes.arp


def perform(piece: Arrangement, rng: np.random.Generator) -> Performance:
    """Play the arrangement: each part from start to end, then the last chord together.

    The parts draw from `rng` in this order.
    """
    patches = _draw_patches(piece.taste, rng)
    played = Performance(patches, {part: [] for part in patches})
    player = Player(piece, rng)

    played.hits += drum_hits(piece, player, rng)
    played.hits += effect_hits(piece)

    bass = BassPart(piece, player, rng)
    for bar in piece.each_bar():
        played.notes["bass"] += bass.bar(bar)

    harmony = HarmonyParts(piece, player, voicings_of(piece), patches["chords"], rng)
    for bar in piece.each_bar():
        played.add_harmony(harmony.bar(bar))

    lead = LeadPart(piece, player, rng)
    for bar in piece.each_bar():
        played.notes["lead"] += lead.bar(bar)

    played.notes["bass"] += bass.final_notes()
    played.add_harmony(harmony.final_notes())
    played.notes["lead"] += lead.final_notes()
    played.hits += final_hits(piece)
    return played


def _draw_patches(taste: MusicTaste, rng: np.random.Generator) -> dict[str, str]:
    """The instrument of each part."""
    return {
        "bass": str(rng.choice(taste.basses)),
        "chords": str(rng.choice(taste.chords)),
        "pad": str(rng.choice(taste.pads)),
        "arp": str(rng.choice(taste.arps)),
        "lead": str(rng.choice(taste.leads)),
    }


_FADER_DB: dict[SectionName, tuple[float, float]] = {
    "hook": (-0.5, -0.5),
    "verse": (-2.5, -2.0),
    "build": (-4.0, -1.5),
    "drop": (0.0, 0.0),
    "break": (-3.0, -3.0),
}
"""The fader at the start and at the end of a section.

A drop sounds loud because what leads to it is not.
"""

_SOFT_FADER = 0.6
"""Pieces without big drops move the fader by this share of it."""


def section_gains_db(piece: Arrangement) -> list[tuple[float, float]]:
    """The fader of the whole mix as (seconds, dB) points.

    Verses sit back, builds rise, the last chord rings out.
    """
    is_soft = piece.is_gentle or not piece.taste.risers
    points: list[tuple[float, float]] = []
    for section in piece.sections:
        first_db, last_db = _FADER_DB[section.name]
        if is_soft:
            first_db, last_db = first_db * _SOFT_FADER, last_db * _SOFT_FADER
        # The steps between sections are ramps of 30 ms, too short to hear and too long to click.
        points += [
            (section.first_bar * piece.bar_s + 0.01, first_db),
            (section.end_bar * piece.bar_s - 0.02, last_db),
        ]

    ring_s = piece.length_s - piece.final_s
    return [
        *points,
        (piece.final_s, 0.0),
        (piece.final_s + 0.45 * ring_s, -1.0),
        (piece.final_s + 0.8 * ring_s, -6.0),
        (piece.length_s, -22.0),
    ]
