"""Which words of a mood are dark, bright or calm.

Belongs here: the words, which every composer reads the same way, and counting them. Does not belong
here: what a composer makes of a mood (fal, synth).
"""

import re

# Stems, so that "melancholic", "melancholy" and "melancholia" all count.
_DARK = re.compile(
    "dark|moody|tense|drama|sad|melanchol|nostalg|epic|intense|aggress|mysteri|gritty|powerful"
    "|noir|brood"
)
_BRIGHT = re.compile(
    "happy|joy|bright|sunny|playful|uplift|warm|fresh|fun|cheer|hope|optimis|delicious|carefree"
    "|triumph"
)
_CALM = re.compile(
    "calm|gentle|soft|peace|serene|relax|chill|quiet|tender|ambient|slow|intimate|cozy|cosy"
)


def brightness_of(mood: str) -> int:
    """How many more bright words than dark ones a mood has; negative for a dark mood."""
    words = mood.lower()
    return len(_BRIGHT.findall(words)) - len(_DARK.findall(words))


def is_calm(mood: str) -> bool:
    """Whether a mood asks for gentle music."""
    return _CALM.search(mood.lower()) is not None
