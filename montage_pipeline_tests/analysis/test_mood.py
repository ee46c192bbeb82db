"""The music that suits the footage."""

from montage_pipeline.analysis.mood import music_prompt, suggested_bpm
from montage_pipeline.styles import STYLES


def test_music_follows_style_and_movement() -> None:
    for name, style in STYLES.items():
        taste = style.footage
        calm, lively = suggested_bpm(name, 0.0), suggested_bpm(name, 1.0)
        assert taste.bpm[0] - 1 <= calm < lively <= taste.bpm[1] + 1
        assert 50 <= calm <= 200
        assert f"{lively} BPM" in music_prompt(name, 1.0, 30)
        assert "no vocals" in music_prompt(name, 0.2, 30)
