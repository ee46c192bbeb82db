"""How many examples Hypothesis tries: `quick` in `make test`, `thorough` in `make test-all`
(--hypothesis-profile=thorough).
"""

from hypothesis import settings

# How long an example takes depends on what else the machine does.
settings.register_profile("quick", max_examples=12, deadline=None)
settings.register_profile("thorough", max_examples=100, deadline=None)


def examples(share: float) -> int:
    """The profile's number times `share`: below 1 where an example is expensive (a whole edit, a
    database), above 1 where it is cheap.
    """
    profile = settings.default
    assert profile is not None
    return max(1, round(profile.max_examples * share))
