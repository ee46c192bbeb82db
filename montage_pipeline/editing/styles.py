"""What each style means to the editor, as one table of numbers.

Belongs here: tastes (how long a cut should be, how much movement, how loud the clip's own sound is).
Does not belong here: rules that hold for every edit; those are in `packing.CutRules` and the planner.
"""

from montage_pipeline.records import Record
from montage_pipeline.requests.vocabulary import Style


class StyleRules(Record):
    """Tastes of one style. Weights are in points; a very good moment is worth about one point per 4 s shown.

    `preferred_cut_s` is the cut length aimed at. `story` pulls moments towards the order in which they were filmed and given,
    `energy` pulls the movement in the picture along the line from `energy_start` to `energy_end` (0 still, 1 wild).
    `motion_contrast` and `scale_contrast` like neighbours that differ in movement and in the size of the subject; below 0 they
    like them close. `downbeat` likes the strongest changes on downbeats, `ending_calm` a quiet last cut, `key_frame` cuts that
    begin on a key frame, where those are known. The gains are for a clip's own sound: `speech_gain_db` where someone talks,
    `ambient_gain_db` elsewhere.
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
    key_frame: float = 0.04
    downbeat: float
    ending_calm: float
    speech_gain_db: float
    ambient_gain_db: float
    music_gain_db: float
    duck_db: float
    fade_out_s: float


STYLE_RULES: dict[Style, StyleRules] = {
    Style.DYNAMIC: StyleRules(
        preferred_cut_s=3.2, length_weight=0.30,
        interest=0.55, quality=0.30, colour=0.08, faces=0.07, stability=0.00,
        story=0.10, energy=0.45, energy_start=0.55, energy_end=0.90, motion_contrast=0.35, scale_contrast=0.20,
        downbeat=0.20, ending_calm=0.00,
        speech_gain_db=-2.0, ambient_gain_db=-18.0, music_gain_db=0.0, duck_db=-8.0, fade_out_s=0.8,
    ),
    Style.CINEMATIC: StyleRules(
        preferred_cut_s=4.6, length_weight=0.30,
        interest=0.40, quality=0.40, colour=0.15, faces=0.05, stability=0.25,
        story=0.35, energy=0.25, energy_start=0.25, energy_end=0.45, motion_contrast=-0.20, scale_contrast=0.15,
        downbeat=0.30, ending_calm=0.25,
        speech_gain_db=-3.0, ambient_gain_db=-22.0, music_gain_db=0.0, duck_db=-10.0, fade_out_s=2.5,
    ),
    Style.TRAVEL: StyleRules(
        preferred_cut_s=3.8, length_weight=0.15,
        interest=0.50, quality=0.30, colour=0.20, faces=0.05, stability=0.08,
        story=0.80, energy=0.15, energy_start=0.35, energy_end=0.60, motion_contrast=0.15, scale_contrast=0.20,
        downbeat=0.20, ending_calm=0.15,
        speech_gain_db=-2.0, ambient_gain_db=-16.0, music_gain_db=0.0, duck_db=-9.0, fade_out_s=1.5,
    ),
    Style.FITNESS: StyleRules(
        preferred_cut_s=3.1, length_weight=0.35,
        interest=0.50, quality=0.25, colour=0.00, faces=0.08, stability=0.00,
        story=0.08, energy=0.70, energy_start=0.60, energy_end=1.00, motion_contrast=0.05, scale_contrast=0.15,
        downbeat=0.25, ending_calm=0.00,
        speech_gain_db=-2.0, ambient_gain_db=-18.0, music_gain_db=1.0, duck_db=-7.0, fade_out_s=0.6,
    ),
    Style.FOOD: StyleRules(
        preferred_cut_s=3.6, length_weight=0.20,
        interest=0.50, quality=0.35, colour=0.40, faces=0.00, stability=0.10,
        story=0.50, energy=0.10, energy_start=0.30, energy_end=0.40, motion_contrast=0.00, scale_contrast=0.50,
        downbeat=0.15, ending_calm=0.15,
        speech_gain_db=-2.0, ambient_gain_db=-12.0, music_gain_db=-1.0, duck_db=-9.0, fade_out_s=1.5,
    ),
    Style.MINIMAL: StyleRules(
        preferred_cut_s=4.8, length_weight=0.35,
        interest=0.40, quality=0.40, colour=0.05, faces=0.05, stability=0.30,
        story=0.30, energy=0.50, energy_start=0.15, energy_end=0.20, motion_contrast=-0.35, scale_contrast=-0.10,
        downbeat=0.25, ending_calm=0.20,
        speech_gain_db=0.0, ambient_gain_db=-20.0, music_gain_db=-2.0, duck_db=-10.0, fade_out_s=2.0,
    ),
}  # fmt: skip
