"""What a style is: one record with what the analyst, the editor, the composer and Claude go by.

Belongs here: the shape of the record. Does not belong here: any style; each has a module of its own.
"""

from dataclasses import dataclass

Line = str
"""A bar of sixteen steps, one character each; what the characters mean stands at `MusicTaste`."""


@dataclass(frozen=True)
class FootageTaste:
    """What the style likes to see and hear.

    `motion`, `faces`, `colour` and `speech` say how much a moment gains from each, `preferred_motion`
    the motion energy (0..1) that pleases most. `bpm` goes from the calmest to the liveliest footage.
    `instruments` is what a composer is asked for.
    """

    calm_mood: str
    lively_mood: str
    bpm: tuple[int, int]
    instruments: str
    motion: float
    faces: float
    colour: float
    speech: float
    preferred_motion: float


@dataclass(frozen=True)
class EditTaste:
    """Tastes of the editor. Weights are in points; a very good moment is worth about one point per
    4 s shown.

    `preferred_cut_s` is the cut length aimed at. `story` pulls moments towards the order in which
    they were filmed and given, `energy` pulls the movement in the frame along the line from
    `energy_start` to `energy_end` (0 still, 1 wild). `motion_contrast` and `scale_contrast` like
    neighbours that differ in movement and in the size of the subject; below 0 they like them close.
    `downbeat` likes the strongest changes on downbeats, `ending_calm` a quiet last cut, `keyframe`
    cuts that begin on a keyframe, where those are known. The gains are for a clip's own sound:
    `speech_gain_db` where someone talks, `ambient_gain_db` elsewhere.
    """

    preferred_cut_s: float
    length_weight: float
    interest: float
    quality: float
    colour: float
    faces: float
    stability: float
    story: float
    energy: float
    energy_start: float
    energy_end: float
    motion_contrast: float
    scale_contrast: float
    downbeat: float
    ending_calm: float
    speech_gain_db: float
    ambient_gain_db: float
    music_gain_db: float
    duck_db: float
    fade_out_s: float
    keyframe: float = 0.04


@dataclass(frozen=True)
class Groove:
    """What the drums play in a full bar, and in a thin one: a line for each drum."""

    full: dict[str, Line]
    light: dict[str, Line]


@dataclass(frozen=True)
class MusicTaste:
    """The material that the local composer draws a piece from.

    A bar is sixteen steps. Drum lines give the velocity of each step as a digit (`.` is silence).
    Bass lines: `R` root, `O` octave, `F` fifth, `A` approach to the next root, `-` hold, `.` rest.
    Chord and lead lines: `X` strike, `x` softer strike, `-` hold, `.` rest. Progressions are scale
    degrees from 0, one a bar.

    `salt` keeps the pieces of two styles apart that are composed from the same seed; no two styles
    share one. `swing` is the range of the delay of off-beat sixteenths, as a share of a sixteenth;
    `looseness_ms` the spread of a player's timing; `pump` how deep the kick presses the rest (0..1);
    `room` the reverb level; `levels_db` the loudness of each bus relative to the drums.
    """

    salt: int
    modes: tuple[str, ...]
    bright_progressions: tuple[tuple[int, ...], ...]
    dark_progressions: tuple[tuple[int, ...], ...]
    shapes: tuple[str, ...]
    kit: str
    grooves: tuple[Groove, ...]
    fills: tuple[dict[str, Line], ...]
    bass_lines: tuple[Line, ...]
    chord_lines: tuple[Line, ...]
    lead_rhythms: tuple[Line, ...]
    arp_rates: tuple[int, ...]
    basses: tuple[str, ...]
    chords: tuple[str, ...]
    pads: tuple[str, ...]
    arps: tuple[str, ...]
    leads: tuple[str, ...]
    swing: tuple[float, float]
    looseness_ms: float
    pump: float
    room: float
    reverb_s: float
    delay: float
    levels_db: dict[str, float]
    home_bpm: int
    risers: bool = True
    lead_octave: int = 72
    chord_centre: int = 60
    warmth_hz: float = 18_000.0


@dataclass(frozen=True)
class Style:
    """How an edit and its music should feel. `brief` is what Claude is told of it."""

    name: str
    brief: str
    footage: FootageTaste
    edit: EditTaste
    music: MusicTaste
