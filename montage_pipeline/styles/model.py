"""What a style is: one record that the analyst, the editor, the composer and Claude go by.

Belongs here: the shape of the record. Does not belong here: any style; each has its own module.
"""

from dataclasses import dataclass

Line = str
"""A bar in sixteenths, one character each; what the characters mean stands at the fields."""

STEPS_A_BAR = 16
"""Characters of a whole `Line`."""

Progression = tuple[int, ...]
"""Scale degrees from 0, one chord a bar."""


@dataclass(frozen=True)
class FootageTaste:
    """What the style likes to see and hear."""

    calm_mood: str
    """The mood of calm footage, in a word that composers are given."""

    lively_mood: str
    """The mood of lively footage."""

    bpm: tuple[int, int]
    """Tempo of the music for the calmest and for the liveliest footage."""

    instruments: str
    """What a composer is asked for."""

    motion: float
    """Weight of movement in a moment's score; the four weights add up to 1."""

    faces: float
    """Weight of faces."""

    colour: float
    """Weight of rich colour."""

    speech: float
    """Weight of speech."""

    preferred_motion: float
    """The motion energy (0..1) that pleases most; more and less please less."""


@dataclass(frozen=True)
class EditTaste:
    """Tastes of the editor.

    Weights are in points; a very good moment is worth about one point per 4 s shown. A negative
    weight likes the opposite.
    """

    preferred_cut_s: float
    """The length of a cut that is aimed at, in seconds."""

    length_weight: float
    """Points lost for each second squared off that length."""

    interest: float
    """Weight of what a moment shows, as the analyst scored it."""

    quality: float
    """Weight of technical quality."""

    colour: float
    """Weight of rich colour."""

    faces: float
    """Weight of faces."""

    stability: float
    """Weight of a camera held still."""

    story: float
    """Pulls moments towards the order in which they were filmed and given."""

    energy: float
    """Pulls the movement in the frame along the line from `energy_start` to `energy_end`."""

    energy_start: float
    """Movement wanted at the start, from 0 (still) to 1 (wild)."""

    energy_end: float
    """Movement wanted at the end."""

    motion_contrast: float
    """Likes neighbours that differ in movement."""

    scale_contrast: float
    """Likes neighbours that differ in the size of the subject: wide, then close."""

    downbeat: float
    """Likes the strongest changes on downbeats."""

    ending_calm: float
    """Likes a quiet last cut."""

    speech_gain_db: float
    """Gain of a clip's own sound where someone talks."""

    ambient_gain_db: float
    """Gain of a clip's own sound elsewhere."""

    music_gain_db: float
    """Gain of the music."""

    duck_db: float
    """How far the music steps back under speech."""

    tail_s: float
    """Longest fade at the end, in seconds: what rings after the last beat."""

    keyframe: float = 0.04
    """Likes cuts that begin on a keyframe, where those are known."""


@dataclass(frozen=True)
class LookTaste:
    """The look that every Reel of the style has, put on top of segments matched to each other.

    It is meant to be felt, not seen: no figure is far from that of no look.
    """

    contrast: float = 0.0
    """Depth of the S-curve on luma: slope 1 + contrast at mid-grey; below 0 it is flatter."""

    saturation: float = 1.0
    """Factor on chroma."""

    warmth: float = 0.0
    """Share of luma added to red chroma and taken from blue; 0.01 is 9 % more red beside blue."""


@dataclass(frozen=True)
class Groove:
    """What the drums play, a line for each drum of the kit.

    A digit is the velocity of a stroke, `.` is silence.
    """

    full: dict[str, Line]
    """In a bar at full energy."""

    light: dict[str, Line]
    """In a thin bar: a verse's first half, a calm piece."""


@dataclass(frozen=True)
class MusicTaste:
    """The material that the local composer draws a piece from.

    It draws from every tuple with equal chances, so a choice that stands twice is twice as likely.
    The composer's own packages have the modes and chord shapes (music.synth.harmony), the kits
    (music.synth.sound.drums) and the instruments (music.synth.sound.patches).
    """

    salt: int
    """Keeps pieces of two styles apart that are composed from one seed; no two styles share it."""

    modes: tuple[str, ...]
    """Scales."""

    bright_progressions: tuple[Progression, ...]
    """Chords for major modes."""

    dark_progressions: tuple[Progression, ...]
    """Chords for minor modes."""

    shapes: tuple[str, ...]
    """Shapes of the chords."""

    kit: str
    """The drum kit."""

    grooves: tuple[Groove, ...]
    """A long piece has two of them."""

    fills: tuple[dict[str, Line], ...]
    """What drums play at the end of a phrase; only the second half of the lines is used."""

    bass_lines: tuple[Line, ...]
    """`R` root, `O` octave, `F` fifth, `A` approach to the next root, `-` hold, `.` rest."""

    chord_lines: tuple[Line, ...]
    """`X` strike, `x` softer strike, `-` hold, `.` rest."""

    lead_rhythms: tuple[Line, ...]
    """The rhythm of the tune, written like a chord line."""

    arp_rates: tuple[int, ...]
    """Sixteenths from one note of the arpeggio to the next."""

    basses: tuple[str, ...]
    """Instruments of the bass."""

    chords: tuple[str, ...]
    """Instruments of the chords."""

    pads: tuple[str, ...]
    """Instruments of the pad."""

    arps: tuple[str, ...]
    """Instruments of the arpeggio."""

    leads: tuple[str, ...]
    """Instruments of the tune."""

    swing: tuple[float, float]
    """Range of the delay of every second sixteenth, as a share of a sixteenth."""

    looseness_ms: float
    """Spread of a player's timing."""

    pump: float
    """How deep the kick presses the rest, 0..1."""

    room: float
    """Level of the reverb."""

    reverb_s: float
    """Length of the reverb."""

    delay: float
    """Level of the echo."""

    levels_db: dict[str, float]
    """Loudness of each bus where it plays, relative to the others."""

    home_bpm: int
    """The tempo the style is at home at; those below 100 are arranged more calmly."""

    risers: bool = True
    """Whether drops are announced by swells and rolls, and land with an impact."""

    lead_octave: int = 72
    """MIDI pitch that the tune stays near."""

    chord_centre: int = 60
    """MIDI pitch that the chords stay near."""

    warmth_hz: float = 18_000.0
    """Treble above this is taken away; none, by default."""


@dataclass(frozen=True)
class Style:
    """How an edit and its music should feel."""

    name: str
    """The module's own name; requests and documents carry it."""

    brief: str
    """What Claude is told of the style."""

    footage: FootageTaste
    """What the analyst goes by."""

    edit: EditTaste
    """What the editor goes by."""

    music: MusicTaste
    """What the local composer goes by."""

    look: LookTaste = LookTaste()
    """What the renderer puts on every frame."""
