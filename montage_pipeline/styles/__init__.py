"""The styles: one record each, in a module of its own.

Belongs here: what a style means to the analyst, the editor, the composer and Claude. Does not
belong here: rules that hold for every style (rules), nor how any of these tastes is used.

Adding a style is adding a module with a `STYLE`: the API, the command line and the tests find it by
themselves. Begin reading at `model.Style`, then look at one style, `travel.py` for instance.
"""

import pkgutil
from importlib import import_module
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.styles.model import Style

DEFAULT_STYLE = "dynamic"


def _found_styles() -> dict[str, Style]:
    modules = sorted(module.name for module in pkgutil.iter_modules(__path__))
    loaded = [import_module(f"{__name__}.{name}") for name in modules]
    return {module.STYLE.name: module.STYLE for module in loaded if hasattr(module, "STYLE")}


STYLES = _found_styles()
"""Every style by name, in alphabetical order."""


def style_of(name: str) -> Style:
    """The style of that name. Raises PermanentError("unknown_style") naming those there are."""
    if name not in STYLES:
        known = ", ".join(STYLES)
        raise PermanentError(ErrorCode.UNKNOWN_STYLE, f"There is no style {name!r}: {known}.")
    return STYLES[name]


def _known(name: str) -> str:
    if name not in STYLES:
        raise ValueError(f"must be one of {', '.join(STYLES)}")
    return name


StyleName = Annotated[
    str,
    AfterValidator(_known),
    WithJsonSchema({"type": "string", "enum": list(STYLES), "title": "Style"}),
]
"""The name of a style that exists, as documents and requests carry it."""
