"""Every style is one module, whole and in tune with the instruments there are."""

import pkgutil

import pytest

from montage_pipeline import styles
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.styles import DEFAULT_STYLE, STYLES, style_of


def test_each_module_with_a_style_is_found_under_its_own_name() -> None:
    modules = {module.name for module in pkgutil.iter_modules(styles.__path__)}
    assert set(STYLES) == modules - {"model", "phrases"}
    assert DEFAULT_STYLE in STYLES
    assert list(STYLES) == sorted(STYLES)


def test_an_unknown_style_is_refused_by_name_with_those_there_are() -> None:
    with pytest.raises(PermanentError, match="'vaporwave': cinematic, dynamic") as refused:
        style_of("vaporwave")
    assert refused.value.code is ErrorCode.UNKNOWN_STYLE


def test_no_two_styles_draw_the_same_music_from_one_seed() -> None:
    salts = [style.music.salt for style in STYLES.values()]
    assert len(set(salts)) == len(salts)


@pytest.mark.parametrize("name", list(STYLES))
def test_every_line_of_music_is_a_whole_bar(name: str) -> None:
    music = STYLES[name].music
    lines = [*music.bass_lines, *music.chord_lines, *music.lead_rhythms]
    lines += [line for groove in music.grooves for line in groove.full.values()]
    lines += [line for groove in music.grooves for line in groove.light.values()]
    assert {len(line) for line in lines} == {16}


@pytest.mark.parametrize("name", list(STYLES))
def test_the_tastes_are_within_what_the_rules_allow(name: str) -> None:
    style = STYLES[name]
    assert 3 <= style.edit.preferred_cut_s <= 5
    assert style.footage.bpm[0] < style.footage.bpm[1]
    weights = style.footage.motion, style.footage.faces, style.footage.colour, style.footage.speech
    assert sum(weights) == pytest.approx(1)
    assert style.brief
