"""What the wishes of a request are called at a terminal.

Reasons and errors are stored with the item and name wishes as the API does (`shortCuts`); a person
who typed `--short-cuts` is told of that.
"""

import re

from pydantic.alias_generators import to_camel

from montage_pipeline.requests.options import MontageOptions

_OTHER_NAMES = {"music_url": "--music"}
"""All others are the field's name in dashes."""

_FIELDS = {to_camel(field): field for field in MontageOptions.model_fields}
_NAMED = re.compile(rf"\bthe wish ({'|'.join(_FIELDS)})\b(?!\.)")
"""As messages name a wish; no file's name is taken for one."""


def as_typed(field: str) -> str:
    """The option of the command line that a field of `MontageOptions` is given by."""
    return _OTHER_NAMES.get(field, f"--{field.replace('_', '-')}")


def in_typed_words(message: str) -> str:
    """A stored message with the wishes that it names as options of the command line."""
    return _NAMED.sub(lambda found: as_typed(_FIELDS[found[1]]), message)
