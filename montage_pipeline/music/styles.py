"""How each style plays: keys, progressions, grooves, instruments, balance.

A bar is sixteen steps. Drum lines give the velocity of each step as a digit (`.` is silence).
Bass lines: `R` root, `O` octave, `F` fifth, `A` approach to the next root, `-` hold, `.` rest.
Chord and lead lines: `X` strike, `x` softer strike, `-` hold, `.` rest. Progressions are scale
degrees from 0, one a bar.
"""

from dataclasses import dataclass

from montage_pipeline.requests.vocabulary import Style

Line = str


@dataclass(frozen=True)
class Groove:
    """What the drums play in a full bar, and in a thin one."""

    full: dict[str, Line]
    light: dict[str, Line]


@dataclass(frozen=True)
class StyleScore:
    """The material a piece in this style is drawn from.

    `swing` is the range of the delay of off-beat sixteenths, as a share of a sixteenth;
    `looseness_ms` the spread of a player's timing; `pump` how deep the kick presses the rest
    (0..1); `room` the reverb level; `levels_db` the loudness of each bus relative to the drums.
    """

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


_POP_BRIGHT = ((0, 4, 5, 3), (0, 5, 3, 4), (3, 0, 4, 5), (5, 3, 0, 4), (0, 2, 3, 4), (3, 4, 5, 0), (0, 3, 1, 4))
_POP_DARK = ((0, 5, 2, 6), (0, 3, 5, 6), (0, 6, 5, 6), (5, 6, 0, 0), (0, 2, 6, 3), (0, 5, 3, 6), (5, 2, 6, 0))

_TOM_FILL = {"snare": "..........5.6.79", "tom": "........7.7.....", "low_tom": "............8.8."}
_ROLL_FILL = {"snare": "4.4.5.5.66667789"}
_GAP_FILL = {"kick": "9.......", "clap": "............9..."}

SCORES: dict[Style, StyleScore] = {
    Style.DYNAMIC: StyleScore(
        modes=("minor", "dorian", "major", "mixolydian"),
        bright_progressions=_POP_BRIGHT,
        dark_progressions=_POP_DARK,
        shapes=("triad", "add9", "sus2"),
        kit="edm",
        grooves=(
            Groove(
                {"kick": "9...9...9...9...", "clap": "....8.......8...", "hat": "5353535353535353", "open_hat": "..6...6...6...6."},
                {"kick": "9...9...9...9...", "hat": "..5...5...5...5."},
            ),
            Groove(
                {
                    "kick": "9..7..9...7.....",
                    "snare": "....9.......9..3",
                    "hat": "6.4.6.4.6.4.6.45",
                    "shaker": "2.4.2.4.2.4.2.4.",
                    "open_hat": "..............5.",
                },
                {"kick": "9.........7.....", "hat": "5.3.5.3.5.3.5.3.", "rim": "....6.......6..."},
            ),
            Groove(
                {
                    "kick": "9.....8.9.......",
                    "clap": "....9.......9...",
                    "hat": "63.563.563.56356",
                    "conga": "...4..5....4..5.",
                    "tambourine": "....4.......4...",
                },
                {"kick": "9.......9.......", "hat": "5...5...5...5...", "conga": "...4..5....4..5."},
            ),
        ),
        fills=(_ROLL_FILL, _TOM_FILL, _GAP_FILL),
        bass_lines=("..R-..R-..R-..O-", "R-.R..R-..R-.RO.", "R---..R-R---..A-", "R-R-R-R-O-R-F-A-", "R--R--R-O--R--A-"),
        chord_lines=("X--x--x-X--x--x-", "..X-..X-..X-..X-", "X--X--X---X-X---", "X-----X-----X---", "X--X--X--X--X-X-"),
        lead_rhythms=("x-x-x---x--x--x-", "x--x--x-x---x---", "..x-x-x-x--x----", "x---x-x---x-x---", "xx.x.x-.x-x-x---"),
        arp_rates=(1, 1, 2),
        basses=("saw_bass", "round_bass"),
        chords=("stab", "supersaw"),
        pads=("warm_pad", "supersaw"),
        arps=("pluck", "soft_pluck"),
        leads=("saw_lead", "square_lead", "whistle"),
        swing=(0.0, 0.12),
        looseness_ms=3,
        pump=0.62,
        room=0.55,
        reverb_s=1.8,
        delay=0.5,
        levels_db={"kick": 0, "drums": -1.5, "perc": -11, "bass": -2, "chords": -4, "pad": -10, "arp": -7, "lead": -3, "fx": -8},
        home_bpm=120,
    ),
    Style.CINEMATIC: StyleScore(
        modes=("minor", "minor", "dorian", "lydian", "major"),
        bright_progressions=((0, 4, 1, 3), (0, 2, 3, 0), (3, 0, 4, 5), (0, 3, 5, 4)),
        dark_progressions=((0, 5, 2, 6), (0, 5, 3, 4), (0, 2, 5, 6), (0, 3, 5, 6), (5, 6, 0, 2)),
        shapes=("triad", "sus2", "triad", "add9"),
        kit="taiko",
        grooves=(
            Groove(
                {"low_tom": "9.....6.9..6....", "tom": "....5..4....5.6.", "high_tom": "..3..3....3..3.4", "kick": "8.......8......."},
                {"low_tom": "8.......6.......", "shaker": "3.3.3.3.3.3.3.3."},
            ),
            Groove(
                {"low_tom": "9..9..8...9.8...", "tom": "...5..5.5....5.5", "high_tom": "4.4.4.4.4.4.4.44", "clap": "........6......."},
                {"low_tom": "8...........6...", "high_tom": "3...3...3...3..."},
            ),
            Groove(
                {"kick": "9.......9.......", "low_tom": "9...6...9...6.6.", "snare": "....3..4....5.34", "tom": "......6.......7."},
                {"kick": "7.......5.......", "low_tom": "7.......5......."},
            ),
        ),
        fills=({"low_tom": "........8.8.8899", "tom": "....6.6.6.6....."}, {"snare": "2233344455667789"}, {"low_tom": "9.......9...9.99"}),
        bass_lines=("R---------------", "R-------R-------", "R-----R-R-----R-", "R-.R..R-R-.R..R-"),
        chord_lines=("X---------------", "X-------x-------", "X---x---x---x---"),
        lead_rhythms=("x-------x---x---", "x---x---x-------", "x-----x-x-------", "x-----------x---"),
        arp_rates=(1, 2, 2),
        basses=("soft_sub", "round_bass"),
        chords=("spiccato", "grand", "brass"),
        pads=("strings", "choir", "strings"),
        arps=("spiccato", "grand", "felt"),
        leads=("solo_strings", "brass", "grand", "flute"),
        swing=(0.0, 0.0),
        looseness_ms=9,
        pump=0.12,
        room=1.0,
        reverb_s=3.2,
        delay=0.25,
        levels_db={"kick": -2, "drums": -1.5, "perc": -12, "bass": -4, "chords": -5.5, "pad": -3.5, "arp": -7, "lead": -2.5, "fx": -6},
        home_bpm=90,
    ),
    Style.TRAVEL: StyleScore(
        modes=("major", "major", "mixolydian", "lydian", "dorian"),
        bright_progressions=_POP_BRIGHT,
        dark_progressions=_POP_DARK,
        shapes=("triad", "add9", "sus2", "seventh"),
        kit="acoustic",
        grooves=(
            Groove(
                {
                    "kick": "9...9...9...9...",
                    "snap": "....7.......7...",
                    "shaker": "4256425642564256",
                    "conga": "...5..4....5..5.",
                    "open_hat": "..4...4...4...4.",
                },
                {"kick": "8.......8.......", "shaker": "4.5.4.5.4.5.4.5."},
            ),
            Groove(
                {
                    "kick": "9.....7.9.......",
                    "clap": "....8.......8...",
                    "shaker": "5353535353535353",
                    "conga": "..4..5.4..4..5.4",
                    "tambourine": "....5.......5...",
                },
                {"kick": "8.......7.......", "conga": "..4..5.4..4..5.4", "snap": "....5.......5..."},
            ),
            Groove(
                {
                    "kick": "9..9....9..9....",
                    "rim": "...6..6...6...6.",
                    "hat": "5.4.5.4.5.4.5.44",
                    "conga_high": "......4.......44",
                    "shaker": "3.5.3.5.3.5.3.5.",
                },
                {"kick": "8..7....8..7....", "shaker": "3.5.3.5.3.5.3.5."},
            ),
        ),
        fills=({"conga": "4.44.4.4....", "tom": "............7.7.", "clap": "..........5.6.7."}, {"clap": "....6...6.6.6.68"}, _TOM_FILL),
        bass_lines=("R--.R-..R--.F-A-", "R-----R-F-----A-", "R--R--O-R--R--F-", "R---..R-F---..A-"),
        chord_lines=("X-.xX-.x.xX-.xX-", "X--x..X---x-X-x-", "..X-..X-..X-..X-", "X--X--x-X--X--x-"),
        lead_rhythms=("x-x-x--x--x-x---", "x--x--x---x-x---", "x-x-..x-x-x-----", "..x-x--xx---x---", "x---x--x--x-x---"),
        arp_rates=(1, 2),
        basses=("finger_bass", "round_bass"),
        chords=("guitar", "nylon", "soft_pluck"),
        pads=("warm_pad", "choir"),
        arps=("kalimba", "marimba", "guitar"),
        leads=("whistle", "flute", "marimba", "guitar"),
        swing=(0.0, 0.2),
        looseness_ms=7,
        pump=0.3,
        room=0.7,
        reverb_s=1.9,
        delay=0.5,
        levels_db={"kick": 0, "drums": -3, "perc": -7, "bass": -2, "chords": -3.5, "pad": -10, "arp": -7, "lead": -4, "fx": -10},
        home_bpm=108,
    ),
    Style.FITNESS: StyleScore(
        modes=("minor", "minor", "phrygian", "dorian"),
        bright_progressions=_POP_BRIGHT,
        dark_progressions=((0, 0, 5, 6), (0, 5, 6, 0), (0, 1, 0, 6), (0, 6, 5, 6), (0, 0, 3, 5), (0, 5, 3, 6)),
        shapes=("power", "triad", "triad"),
        kit="trap",
        grooves=(
            Groove(
                {
                    "kick": "9...9...9...9...",
                    "clap": "....9.......9...",
                    "hat": "..7...7...7...7.",
                    "open_hat": "..7...7...7...7.",
                    "shaker": "3434343434343434",
                },
                {"kick": "9...9...9...9...", "hat": "4.4.4.4.4.4.4.4."},
            ),
            Groove(
                {
                    "kick": "9..9......9..7..",
                    "clap": "........9.......",
                    "snare": "........7......3",
                    "hat": "64646464646466666"[:16],
                    "open_hat": "..............6.",
                },
                {"kick": "9.........9.....", "hat": "6.4.6.4.6.4.6.4.", "snap": "........7......."},
            ),
            Groove(
                {
                    "kick": "9.9...9...9.9...",
                    "snare": "....9.......9...",
                    "hat": "7.5.7.5.7.5.7.55",
                    "tom": ".......4......5.",
                    "tambourine": "....5.......5...",
                },
                {"kick": "9.....9...9.....", "hat": "6...6...6...6...", "clap": "....6.......6..."},
            ),
        ),
        fills=(_ROLL_FILL, {"snare": "5...5...5.5.5555", "kick": "9...9...9.9....."}, {"clap": "....9...9.9.9999"}, _TOM_FILL),
        bass_lines=("R--R--R-..R-R-A-", "..RR..RR..RR..RO", "R---------R--R--", "R-R-.RR-R-R-.RO-", "RRR.RRR.RRR.OOR."),
        chord_lines=("X---..X-...X..X-", "X--X--X-X--X--X-", "..X-..X-..X-..X-", "X-.X..X-........"),
        lead_rhythms=("x-xx-x-xx-x-x-x-", "x--x--x-x--x--x-", "x-x-..xxx-x-..x-", "xx.xx.x-xx.xx.x-"),
        arp_rates=(1,),
        basses=("saw_bass", "sub_808"),
        chords=("stab", "brass", "supersaw"),
        pads=("supersaw", "warm_pad"),
        arps=("pluck",),
        leads=("saw_lead", "square_lead"),
        swing=(0.0, 0.0),
        looseness_ms=2,
        pump=0.72,
        room=0.4,
        reverb_s=1.4,
        delay=0.35,
        levels_db={"kick": 1, "drums": -1, "perc": -10, "bass": -1.5, "chords": -4, "pad": -11, "arp": -8, "lead": -3.5, "fx": -7},
        home_bpm=132,
        lead_octave=67,
    ),
    Style.FOOD: StyleScore(
        modes=("dorian", "major", "mixolydian", "minor"),
        bright_progressions=((0, 5, 1, 4), (1, 4, 0, 5), (3, 2, 1, 0), (0, 3, 2, 5), (0, 1, 2, 1)),
        dark_progressions=((0, 3, 0, 3), (0, 5, 1, 4), (3, 6, 2, 5), (0, 3, 6, 4), (5, 4, 0, 0)),
        shapes=("seventh", "ninth", "seventh", "sixth"),
        kit="lofi",
        grooves=(
            Groove(
                {"kick": "9......5.59.....", "snare": "....8..2.2..8...", "hat": "6.5.6.5.6.5.6.54", "shaker": "...3...3...3...3"},
                {"kick": "8.........7.....", "rim": "....6.......6...", "hat": "5.4.5.4.5.4.5.4."},
            ),
            Groove(
                {
                    "kick": "9..6....9.......",
                    "snap": "....8.......8...",
                    "rim": ".......3..3.....",
                    "hat": "5465546554655465",
                    "conga": "..3...44..3...4.",
                },
                {"kick": "8.......8.......", "snap": "....7.......7...", "shaker": "4.5.4.5.4.5.4.5."},
            ),
            Groove(
                {
                    "kick": "9.....6.8..5....",
                    "snare": "....7.......7..2",
                    "tambourine": "..4...4...4...4.",
                    "hat": "6.4.6.4.6.4.6.4.",
                    "block": "...4.....4....4.",
                },
                {"kick": "8.....5.8.......", "block": "...4.....4....4.", "snap": "....6.......6..."},
            ),
        ),
        fills=({"snare": "....8..3..4.6.57"}, {"snap": "....8.......8.88", "conga": "..4.44.5"}, {"rim": "..4..4..5.5.6.6."}),
        bass_lines=("R--.R-.O..F-..A-", "R--R-.F---O-..A-", "R---F---O---A---", "R-.R..F-.-O-.FA-", "R--.--R-F--.R-A-"),
        chord_lines=("X-..x-.X--..x...", "...X--..X-...X--", "X----.x-..X---..", "..x...X-..x..X-.", "X--x--..X--..x.."),
        lead_rhythms=("x--x-x..x-x-....", "..x-xx-x..x-x---", "x-x--xx-x-......", "x..x..x-x--x-x--", "....x-xxx-x-x---"),
        arp_rates=(2, 1),
        basses=("upright", "finger_bass"),
        chords=("rhodes", "wurli", "nylon", "organ"),
        pads=("warm_pad", "organ"),
        arps=("pizzicato", "marimba", "nylon"),
        leads=("flute", "marimba", "whistle", "wurli"),
        swing=(0.22, 0.45),
        looseness_ms=9,
        pump=0.15,
        room=0.5,
        reverb_s=1.2,
        delay=0.3,
        levels_db={"kick": -1, "drums": -3.5, "perc": -9, "bass": -1.5, "chords": -2.5, "pad": -13, "arp": -8, "lead": -4.5, "fx": -14},
        home_bpm=96,
        risers=False,
        warmth_hz=13_500,
    ),
    Style.MINIMAL: StyleScore(
        modes=("lydian", "major", "dorian", "minor"),
        bright_progressions=((0, 4, 3, 3), (0, 2, 3, 4), (3, 0, 3, 4), (0, 5, 3, 0)),
        dark_progressions=((0, 5, 2, 6), (0, 3, 0, 5), (5, 2, 0, 6), (0, 6, 3, 5)),
        shapes=("add9", "sus2", "seventh", "triad"),
        kit="felt",
        grooves=(
            Groove(
                {"kick": "7.......6.......", "rim": "....4.......4...", "shaker": "2.3.2.3.2.3.2.34", "block": "......3......2.."},
                {"kick": "6...............", "shaker": "..2...2...2...2."},
            ),
            Groove(
                {"kick": "7...6...7...6...", "hat": "..4...4...4...4.", "snap": "....4.......4..."},
                {"kick": "6.......5.......", "hat": "..3...3...3...3."},
            ),
            Groove(
                {"kick": "7......5..6.....", "snap": "....5.......5...", "hat": "3.2.3.2.3.2.3.22", "conga": "...2......3....."},
                {"kick": "6.........5.....", "hat": "3...3...3...3..."},
            ),
        ),
        fills=({"rim": "....4.......4.34"}, {"block": "......3...3.4..."}, {"snap": "....5.......5.5."}),
        bass_lines=("R---------------", "R-------R---F---", "R-----R---------", "R-----R-R-----F-"),
        chord_lines=("X---------------", "X-------x-------", "X-----x---x-----"),
        lead_rhythms=("x-----x---x-----", "x---x-----x-----", "....x---x---x---", "x-------x-x-----"),
        arp_rates=(2, 1, 2),
        basses=("soft_sub", "round_bass"),
        chords=("felt", "rhodes", "felt"),
        pads=("warm_pad", "choir", "strings"),
        arps=("kalimba", "felt", "soft_pluck", "glass"),
        leads=("felt", "glass", "flute"),
        swing=(0.0, 0.15),
        looseness_ms=8,
        pump=0.2,
        room=1.0,
        reverb_s=2.8,
        delay=0.6,
        levels_db={"kick": -4, "drums": -9, "perc": -11, "bass": -3.5, "chords": 0, "pad": -6, "arp": -5, "lead": -2.5, "fx": -14},
        home_bpm=96,
        risers=False,
        warmth_hz=14_000,
    ),
}
