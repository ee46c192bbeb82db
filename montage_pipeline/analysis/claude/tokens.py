"""How many tokens a request has, predicted without asking.

The API counts for free (`/v1/messages/count_tokens`), but over the network: one more call that can
be slow, rate limited or down, before every paid one, to learn what is known here. Images are exact
by the published formula; text is estimated from its words, numbers and marks.
"""

import re
from math import ceil

PATCH_PX = 28  # an image costs one token for each patch of 28 x 28 pixels, begun or whole
REQUEST_TOKENS = 120  # around the messages and the schema; 77 measured for an image and a line

_SYMBOL = re.compile(r"(?P<word>[^\W\d_]+)|(?P<number>\d+)|(?P<mark>[^\w\s]+|_+)|(?P<line>\n+)")

# Tokens of each kind of symbol, fitted to the public Claude tokenizer on the instructions, the
# schema, the list of moments and answers: each within 4 %.
_TOKENS = {"word": 1.01, "number": 0.92, "mark": 1.18, "line": 0.33}


def image_tokens(width_px: int, height_px: int) -> int:
    """Tokens of an image of that size."""
    return ceil(width_px / PATCH_PX) * ceil(height_px / PATCH_PX)


def text_tokens(text: str, text_factor: float) -> int:
    """About the tokens of an English text or JSON.

    `text_factor` is the model's, see `ModelOptions`.
    """
    symbols = (str(match.lastgroup) for match in _SYMBOL.finditer(text))
    return ceil(text_factor * sum(_TOKENS[kind] for kind in symbols))
