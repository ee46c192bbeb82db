"""Whatever a provider writes into Retry-After, a finite pause comes out, or none."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from montage_pipeline.costs.retry_after import retry_after_s


@pytest.mark.parametrize(
    ("headers", "pause_s"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "1e12"}, 1e12),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "tomorrow"}, None),
        ({}, None),
    ],
)
def test_headers_as_they_come(headers: dict[str, str], pause_s: float | None) -> None:
    assert retry_after_s(headers) == pause_s


def test_a_date_is_a_pause_until_then() -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    pause_s = retry_after_s({"retry-after": then})
    assert pause_s is not None
    assert 80 < pause_s <= 90


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_breaks_it(milliseconds: str, seconds: str) -> None:
    pause_s = retry_after_s({"retry-after-ms": milliseconds, "retry-after": seconds})
    assert pause_s is None or 0 <= pause_s < float("inf")
