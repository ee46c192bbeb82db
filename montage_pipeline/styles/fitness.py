"""Effort and power: the shortest cuts, the hardest music, energy that rises."""

from montage_pipeline.styles.model import (
    EditTaste,
    FootageTaste,
    Groove,
    LookTaste,
    MusicTaste,
    Style,
)
from montage_pipeline.styles.phrases import ROLL_FILL, TOM_FILL

STYLE = Style(
    name="fitness",
    brief="effort, power and form; bodies in motion, close and clear",
    footage=FootageTaste(
        calm_mood="determined",
        lively_mood="explosive",
        bpm=(124, 144),
        instruments="hard kick, distorted bass, trap hi-hats, tense synth stabs",
        motion=0.55,
        faces=0.25,
        colour=0.10,
        speech=0.10,
        preferred_motion=1.0,
    ),
    edit=EditTaste(
        preferred_cut_s=3.1,
        length_weight=0.35,
        interest=0.50,
        quality=0.25,
        colour=0.00,
        faces=0.08,
        stability=0.00,  # a camera that runs along is welcome
        story=0.08,
        energy=0.70,
        energy_start=0.60,
        energy_end=1.00,
        motion_contrast=0.05,  # effort does not pause between cuts
        scale_contrast=0.15,
        downbeat=0.25,
        ending_calm=0.00,
        speech_gain_db=-2.0,
        ambient_gain_db=-18.0,
        music_gain_db=1.0,  # the music drives
        duck_db=-7.0,
        tail_s=0.4,
    ),
    music=MusicTaste(
        salt=3,
        modes=("minor", "minor", "phrygian", "dorian"),
        bright_progressions=(),  # none of the modes is bright
        dark_progressions=(
            (0, 0, 5, 6),
            (0, 5, 6, 0),
            (0, 1, 0, 6),
            (0, 6, 5, 6),
            (0, 0, 3, 5),
            (0, 5, 3, 6),
        ),
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
                    "hat": "6464646464646666",
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
        fills=(
            ROLL_FILL,
            {"snare": "5...5...5.5.5555", "kick": "9...9...9.9....."},
            {"clap": "....9...9.9.9999"},
            TOM_FILL,
        ),
        bass_lines=(
            "R--R--R-..R-R-A-",
            "..RR..RR..RR..RO",
            "R---------R--R--",
            "R-R-.RR-R-R-.RO-",
            "RRR.RRR.RRR.OOR.",
        ),
        chord_lines=(
            "X---..X-...X..X-",
            "X--X--X-X--X--X-",
            "..X-..X-..X-..X-",
            "X-.X..X-........",
        ),
        lead_rhythms=(
            "x-xx-x-xx-x-x-x-",
            "x--x--x-x--x--x-",
            "x-x-..xxx-x-..x-",
            "xx.xx.x-xx.xx.x-",
        ),
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
        levels_db={
            "kick": 1,
            "drums": -1,
            "perc": -10,
            "bass": -1.5,
            "chords": -4,
            "pad": -11,
            "arp": -8,
            "lead": -3.5,
            "fx": -7,
        },
        home_bpm=132,
        lead_octave=67,  # heavy: a fourth below the usual
    ),
    look=LookTaste(contrast=0.1, saturation=0.97, warmth=-0.002),  # crisp and cool
)
