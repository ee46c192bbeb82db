"""Composed and atmospheric: long calm cuts, depth and light, strings and deep drums."""

from montage_pipeline.styles.model import (
    EditTaste,
    FootageTaste,
    Groove,
    LookTaste,
    MusicTaste,
    Style,
)

STYLE = Style(
    name="cinematic",
    brief="composed, atmospheric pictures with depth and light; calm before loud",
    footage=FootageTaste(
        calm_mood="reflective",
        lively_mood="epic",
        bpm=(76, 104),
        instruments="warm strings, deep percussion, piano, wide reverb",
        motion=0.25,
        faces=0.25,
        colour=0.40,
        speech=0.10,
        preferred_motion=0.35,
    ),
    edit=EditTaste(
        preferred_cut_s=4.6,
        length_weight=0.30,
        interest=0.40,
        quality=0.40,
        colour=0.15,
        faces=0.05,
        stability=0.25,
        story=0.35,
        energy=0.25,
        energy_start=0.25,
        energy_end=0.45,
        motion_contrast=-0.20,  # cuts flow: neighbours move alike
        scale_contrast=0.15,
        downbeat=0.30,
        ending_calm=0.25,
        speech_gain_db=-3.0,
        ambient_gain_db=-22.0,  # nearly nothing but music
        music_gain_db=0.0,
        duck_db=-10.0,
        tail_s=0.9,
    ),
    music=MusicTaste(
        salt=1,
        modes=("minor", "minor", "dorian", "lydian", "major"),
        bright_progressions=((0, 4, 1, 3), (0, 2, 3, 0), (3, 0, 4, 5), (0, 3, 5, 4)),
        dark_progressions=((0, 5, 2, 6), (0, 5, 3, 4), (0, 2, 5, 6), (0, 3, 5, 6), (5, 6, 0, 2)),
        shapes=("triad", "sus2", "triad", "add9"),
        kit="taiko",  # its low drum plays the part of a kick
        grooves=(
            Groove(
                {
                    "low_tom": "9.....6.9..6....",
                    "tom": "....5..4....5.6.",
                    "high_tom": "..3..3....3..3.4",
                    "kick": "8.......8.......",
                },
                {"low_tom": "8.......6.......", "shaker": "3.3.3.3.3.3.3.3."},
            ),
            Groove(
                {
                    "low_tom": "9..9..8...9.8...",
                    "tom": "...5..5.5....5.5",
                    "high_tom": "4.4.4.4.4.4.4.44",
                    "clap": "........6.......",
                },
                {"low_tom": "8...........6...", "high_tom": "3...3...3...3..."},
            ),
            Groove(
                {
                    "kick": "9.......9.......",
                    "low_tom": "9...6...9...6.6.",
                    "snare": "....3..4....5.34",
                    "tom": "......6.......7.",
                },
                {"kick": "7.......5.......", "low_tom": "7.......5......."},
            ),
        ),
        fills=(
            {"low_tom": "........8.8.8899", "tom": "....6.6.6.6....."},
            {"snare": "2233344455667789"},
            {"low_tom": "9.......9...9.99"},
        ),
        bass_lines=("R---------------", "R-------R-------", "R-----R-R-----R-", "R-.R..R-R-.R..R-"),
        chord_lines=("X---------------", "X-------x-------", "X---x---x---x---"),
        lead_rhythms=(
            "x-------x---x---",
            "x---x---x-------",
            "x-----x-x-------",
            "x-----------x---",
        ),
        arp_rates=(1, 2, 2),
        basses=("soft_sub", "round_bass"),
        chords=("spiccato", "grand", "brass"),
        pads=("strings", "choir", "strings"),
        arps=("spiccato", "grand", "felt"),
        leads=("solo_strings", "brass", "grand", "flute"),
        swing=(0.0, 0.0),
        looseness_ms=9,  # many players on big drums
        pump=0.12,
        room=1.0,
        reverb_s=3.2,
        delay=0.25,
        levels_db={
            "kick": -2,
            "drums": -1.5,
            "perc": -12,
            "bass": -4,
            "chords": -5.5,
            "pad": -3.5,
            "arp": -7,
            "lead": -2.5,
            "fx": -6,
        },
        home_bpm=90,
    ),
    look=LookTaste(contrast=0.1, saturation=0.94),  # deeper shadows, calmer colours
)
