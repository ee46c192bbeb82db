"""What bass, chords, pad, arpeggio and lead play, bar by bar."""

from dataclasses import dataclass

import numpy as np

from montage_pipeline.music.synth.arrangement import Arrangement, Bar, draw_two
from montage_pipeline.music.synth.harmony import bass_pitch, voice
from montage_pipeline.music.synth.melody import Arpeggio, MelodyNote, Motif, line_notes
from montage_pipeline.music.synth.notes import Note, Player

Voicing = tuple[int, ...]
"""The MIDI pitches of a chord as it is played, ascending."""

_HELD_BAR = "R---------------"
_STRUCK_BAR = "X---------------"

_HIGHEST_BASS_FIFTH = 50
"""D3: above it a bass line sounds like a tenor, so the fifth goes below the root."""

_STRUMMED = ("guitar", "nylon")
_STRUM_S = 0.011
"""From one string to the next."""

_CALM_BPM = 100
"""Styles at home below this tempo play their arpeggio throughout, and no held chords in builds."""

_LOUD_PAD_DB = -8
"""A style whose pad is louder than this is made of it, and has it in every section."""

_MAX_LEAD_LEAP = 10
"""The lead stays within this many semitones of its home."""

_HIGHEST_LEAD = 79
"""G5: the octave double of a lead note from here up goes below it."""


def voicings_of(piece: Arrangement) -> list[Voicing]:
    """The chord of each bar and the final one, each led from the one before."""
    voicings: list[Voicing] = []
    for chord in piece.chords:
        previous = voicings[-1] if voicings else None
        voicings.append(voice(chord, piece.key, previous, piece.taste.chord_centre))
    return voicings


class BassPart:
    """Two lines: one for verses, one for the rest."""

    def __init__(self, piece: Arrangement, player: Player, rng: np.random.Generator) -> None:
        lines = piece.taste.bass_lines
        self._piece = piece
        self._player = player
        self._line, self._verse_line = draw_two(lines, rng)

    def bar(self, bar: Bar) -> list[Note]:
        """The notes of a bar; none where the bass rests."""
        if self._rests(bar):
            return []
        line = self._line_of(bar)
        force = 0.8 + 0.2 * bar.section.energy
        pitches = self._pitches(bar.number)
        return [
            Note(
                self._player.time_s(bar.number, step, 0.4),
                max(0.08, steps * self._player.step_s - 0.012),
                pitches[line[step]],
                (0.95 if accented else 0.8) * force,
            )
            for step, steps, accented in line_notes(line)
        ]

    @staticmethod
    def _rests(bar: Bar) -> bool:
        """The bass is silent early in a break, and in the gap before a drop."""
        if bar.section.name == "break":
            return bar.place < bar.section.bars / 2
        return bar.section.name == "build" and bar.is_last

    def _line_of(self, bar: Bar) -> str:
        if bar.section.name in ("break", "build"):
            return _HELD_BAR
        return self._verse_line if bar.section.name == "verse" else self._line

    def _pitches(self, bar: int) -> dict[str, int]:
        """The pitch of each mark of a bass line over the chord of a bar."""
        key = self._piece.key
        chord, next_chord = self._piece.chords[bar], self._piece.chords[bar + 1]
        root = bass_pitch(chord, key)
        next_root = bass_pitch(next_chord, key)
        fifth = root + 7
        scale = [key.pitch(degree, 24) for degree in range(-7, 21)]
        return {
            "R": root,
            "O": root + 12,
            "F": fifth if fifth <= _HIGHEST_BASS_FIFTH else fifth - 12,
            "A": max((pitch for pitch in scale if pitch < next_root), default=root),
        }

    def final_notes(self) -> list[Note]:
        """The root of the last chord."""
        root = bass_pitch(self._piece.chords[-1], self._piece.key)
        return [Note(self._piece.final_s, min(ring_s(self._piece), 2.6), root, 0.95)]


@dataclass(frozen=True)
class HarmonyNotes:
    """What chords, pad and arpeggio play in a bar."""

    chords: list[Note]
    pad: list[Note]
    arp: list[Note]


class HarmonyParts:
    """Chords, pad and arpeggio over the same voicings.

    They are played together bar by bar, because they draw from one generator.
    """

    def __init__(
        self,
        piece: Arrangement,
        player: Player,
        voicings: list[Voicing],
        chord_patch: str,
        rng: np.random.Generator,
    ) -> None:
        lines = piece.taste.chord_lines
        self._piece = piece
        self._player = player
        self._voicings = voicings
        self._line, self._verse_line = draw_two(lines, rng)
        self._arpeggio = Arpeggio(piece.taste, rng)
        self._strums = chord_patch in _STRUMMED

    def bar(self, bar: Bar) -> HarmonyNotes:
        """The notes of all three parts in a bar."""
        return HarmonyNotes(
            chords=self._chord_notes(bar), pad=self._pad_notes(bar), arp=self._arp_notes(bar)
        )

    def _chord_notes(self, bar: Bar) -> list[Note]:
        if bar.section.name == "break":
            return []
        force = 0.6 + 0.4 * bar.section.energy
        notes = []
        for step, steps, accented in line_notes(self._chord_line(bar)):
            start_s = self._player.time_s(bar.number, step)
            length_s = max(0.1, steps * self._player.step_s - 0.02)
            velocity = force * (0.9 if accented else 0.66)
            for number, pitch in enumerate(self._strings(bar.number, step)):
                late_s = number * (_STRUM_S if self._strums else 0.0)
                notes.append(Note(start_s + late_s, length_s, pitch, velocity))
        return notes

    def _chord_line(self, bar: Bar) -> str:
        if bar.section.name == "build" and self._piece.taste.home_bpm > _CALM_BPM:
            return _STRUCK_BAR
        return self._verse_line if bar.section.name == "verse" else self._line

    def _strings(self, bar: int, step: int) -> Voicing:
        """The pitches in the order they are struck: a strummed eighth off the beat goes up."""
        is_upstroke = self._strums and (step // 2) % 2 == 1
        return self._voicings[bar][::-1] if is_upstroke else self._voicings[bar]

    def _pad_notes(self, bar: Bar) -> list[Note]:
        section = bar.section
        is_padded = section.name in ("break", "build", "drop")
        if not is_padded and self._piece.taste.levels_db["pad"] <= _LOUD_PAD_DB:
            return []
        velocity = {
            "break": 1.0,
            "build": 0.7 + 0.3 * (bar.place + 1) / section.bars,
            "drop": 0.85,
        }.get(section.name, 0.7)
        bar_s = self._piece.bar_s
        return [
            Note(bar.number * bar_s, bar_s, pitch, velocity) for pitch in self._voicings[bar.number]
        ]

    def _arp_notes(self, bar: Bar) -> list[Note]:
        if not self._has_arpeggio(bar):
            return []
        name = bar.section.name
        swell = (bar.place + 1) / bar.section.bars if name == "build" else 1.0
        presence = 0.75 if name == "verse" else 1.0
        return [
            Note(
                self._player.time_s(bar.number, step, 0.6),
                steps * self._player.step_s * 0.9,
                pitch,
                velocity * swell * presence,
            )
            for step, steps, pitch, velocity in self._arpeggio.bar(self._voicings[bar.number])
        ]

    def _has_arpeggio(self, bar: Bar) -> bool:
        if bar.section.name in ("break", "drop", "build"):
            return True
        if bar.section.name == "verse" and bar.in_second_half:
            return True
        return self._piece.taste.home_bpm < _CALM_BPM

    def final_notes(self) -> HarmonyNotes:
        """The last chord, struck and held."""
        at_s, left_s = self._piece.final_s, ring_s(self._piece)
        voicing = self._voicings[-1]
        return HarmonyNotes(
            chords=[Note(at_s, min(left_s, 2.4), pitch, 0.95) for pitch in voicing],
            pad=[Note(at_s, left_s * 0.75, pitch, 0.8) for pitch in voicing],
            arp=[],
        )


class LeadPart:
    """The tune: a motif in hooks and drops, its outline elsewhere, doubled when it returns."""

    def __init__(self, piece: Arrangement, player: Player, rng: np.random.Generator) -> None:
        self._piece = piece
        self._player = player
        self._motif = Motif(piece.taste, rng)
        self._drops_seen = 0

    def bar(self, bar: Bar) -> list[Note]:
        """The notes of a bar. Bars must come in order: the tune remembers how often it came."""
        section = bar.section
        if section.name == "drop" and bar.place == 0:
            self._drops_seen += 1
        if section.name == "build" or (section.name == "verse" and not _answers(bar)):
            return []

        is_sparse = section.name in ("break", "verse")
        notes = []
        for note in self._motif.bar(bar.place, self._piece.chords[bar.number], sparse=is_sparse):
            played = self._played(note, bar)
            notes.append(played)
            if self._drops_seen >= 2:
                notes.append(_doubled(played))
        return notes

    def _played(self, note: MelodyNote, bar: Bar) -> Note:
        start_s = self._player.time_s(bar.number, note.step, 0.7)
        length_s = max(0.1, note.steps * self._player.step_s - 0.015)
        force = note.velocity * (0.7 + 0.3 * bar.section.energy)
        return Note(start_s, length_s, self._pitch(note.degree), force)

    def _pitch(self, degree: int) -> int:
        """A degree in the octave of the lead."""
        pitch = self._piece.key.pitch(degree, 60)
        home = self._piece.taste.lead_octave + 2
        if abs(pitch - home) > _MAX_LEAD_LEAP:
            pitch += 12 * round((home - pitch) / 12)
        return pitch

    def final_notes(self) -> list[Note]:
        """The tonic, near the lead's home."""
        tonic = self._piece.key.pitch(0, 60)
        tonic += 12 * round((self._piece.taste.lead_octave - tonic) / 12)
        return [Note(self._piece.final_s, min(ring_s(self._piece), 2.2), tonic, 0.8)]


def _answers(bar: Bar) -> bool:
    """In a verse of four bars or more the tune answers in the second half of each phrase."""
    return bar.section.bars >= 4 and bar.place % 4 in (2, 3)


def _doubled(note: Note) -> Note:
    """The same note at the octave: the return of the theme is doubled."""
    pitch = note.pitch + 12 if note.pitch < _HIGHEST_LEAD else note.pitch - 12
    return Note(note.start_s, note.length_s, pitch, 0.45 * note.velocity)


def ring_s(piece: Arrangement) -> float:
    """Seconds that the final chord may ring; the file ends a little later."""
    return piece.length_s - piece.final_s - 0.4
