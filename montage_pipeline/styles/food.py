"""Texture, steam and hands at work: close views, rich colour, unhurried."""

from montage_pipeline.styles.model import (
    EditTaste,
    FootageTaste,
    Groove,
    LookTaste,
    MusicTaste,
    Style,
)

STYLE = Style(
    name="food",
    brief="texture, steam, hands at work, the finished plate; close views",
    footage=FootageTaste(
        calm_mood="cosy",
        lively_mood="playful",
        bpm=(88, 108),
        instruments="jazzy guitar, upright bass, brushed drums, finger snaps",
        motion=0.25,
        faces=0.10,
        colour=0.55,
        speech=0.10,
        preferred_motion=0.35,
    ),
    edit=EditTaste(
        preferred_cut_s=3.6,
        length_weight=0.20,
        interest=0.50,
        quality=0.35,
        colour=0.40,
        faces=0.00,  # hands and plates, not the cook
        stability=0.10,
        story=0.50,
        energy=0.10,
        energy_start=0.30,
        energy_end=0.40,
        motion_contrast=0.00,
        scale_contrast=0.50,  # from the table to the crumb, and back
        downbeat=0.15,
        ending_calm=0.15,
        speech_gain_db=-2.0,
        ambient_gain_db=-12.0,  # sizzling is half the appetite
        music_gain_db=-1.0,
        duck_db=-9.0,
        tail_s=0.6,
    ),
    music=MusicTaste(
        salt=4,
        modes=("dorian", "major", "mixolydian", "minor"),
        bright_progressions=((0, 5, 1, 4), (1, 4, 0, 5), (3, 2, 1, 0), (0, 3, 2, 5), (0, 1, 2, 1)),
        dark_progressions=((0, 3, 0, 3), (0, 5, 1, 4), (3, 6, 2, 5), (0, 3, 6, 4), (5, 4, 0, 0)),
        shapes=("seventh", "ninth", "seventh", "sixth"),
        kit="lofi",
        grooves=(
            Groove(
                {
                    "kick": "9......5.59.....",
                    "snare": "....8..2.2..8...",
                    "hat": "6.5.6.5.6.5.6.54",
                    "shaker": "...3...3...3...3",
                },
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
                {
                    "kick": "8.......8.......",
                    "snap": "....7.......7...",
                    "shaker": "4.5.4.5.4.5.4.5.",
                },
            ),
            Groove(
                {
                    "kick": "9.....6.8..5....",
                    "snare": "....7.......7..2",
                    "tambourine": "..4...4...4...4.",
                    "hat": "6.4.6.4.6.4.6.4.",
                    "block": "...4.....4....4.",
                },
                {
                    "kick": "8.....5.8.......",
                    "block": "...4.....4....4.",
                    "snap": "....6.......6...",
                },
            ),
        ),
        fills=(
            {"snare": "....8..3..4.6.57"},
            {"snap": "....8.......8.88", "conga": "..4.44.5"},
            {"rim": "..4..4..5.5.6.6."},
        ),
        bass_lines=(
            "R--.R-.O..F-..A-",
            "R--R-.F---O-..A-",
            "R---F---O---A---",
            "R-.R..F-.-O-.FA-",
            "R--.--R-F--.R-A-",
        ),
        chord_lines=(
            "X-..x-.X--..x...",
            "...X--..X-...X--",
            "X----.x-..X---..",
            "..x...X-..x..X-.",
            "X--x--..X--..x..",
        ),
        lead_rhythms=(
            "x--x-x..x-x-....",
            "..x-xx-x..x-x---",
            "x-x--xx-x-......",
            "x..x..x-x--x-x--",
            "....x-xxx-x-x---",
        ),
        arp_rates=(2, 1),
        basses=("upright", "finger_bass"),
        chords=("rhodes", "wurli", "nylon", "organ"),
        pads=("warm_pad", "organ"),
        arps=("pizzicato", "marimba", "nylon"),
        leads=("flute", "marimba", "whistle", "wurli"),
        swing=(0.22, 0.45),  # lazy, as in jazz
        looseness_ms=9,
        pump=0.15,
        room=0.5,
        reverb_s=1.2,
        delay=0.3,
        levels_db={
            "kick": -1,
            "drums": -3.5,
            "perc": -9,
            "bass": -1.5,
            "chords": -2.5,
            "pad": -13,
            "arp": -8,
            "lead": -4.5,
            "fx": -14,
        },
        home_bpm=96,
        risers=False,
        warmth_hz=13_500,
    ),
    look=LookTaste(contrast=0.04, saturation=1.06, warmth=0.004),  # warm and appetising
)
