"""Every style is one module, complete and in tune with the instruments there are."""

import pkgutil

import pytest

from montage_pipeline import styles
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.rules import MAX_CUT_S, MIN_CUT_S
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


@pytest.mark.parametrize("name", list(STYLES))
def test_the_tastes_are_within_what_the_rules_allow(name: str) -> None:
    style = STYLES[name]
    assert MIN_CUT_S <= style.edit.preferred_cut_s <= MAX_CUT_S
    assert style.footage.bpm[0] < style.footage.bpm[1]
    weights = style.footage.motion, style.footage.faces, style.footage.colour, style.footage.speech
    assert sum(weights) == pytest.approx(1)
    assert style.brief
