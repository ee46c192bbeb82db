"""A ledger, and a call of a request that could be bought."""

from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import Engine

from montage_pipeline.costs.ledger import CostLedger, PaidCall, fingerprint_of
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.vocabulary import Service
from montage_pipeline_tests.clicks import click

PREDICTED_USD = Decimal("0.01")
"""1,000 tokens in and 800 out with Sonnet 5.5: 0.002 + 0.008."""


@pytest.fixture
def ledger(engine: Engine) -> CostLedger:
    return CostLedger(engine)


@pytest.fixture
def call(library: ContentLibrary, user: UUID) -> PaidCall:
    return PaidCall(
        user_id=user,
        service=Service.CLAUDE,
        endpoint="/v1/messages",
        montage_request_id=click(library, user).request_id,
        run_id="run",
        asset="clip_analysis",
        fingerprint=fingerprint_of("claude-sonnet-5-5", "v1", "clips"),
        predicted_usd=PREDICTED_USD,
        predicted_usage={"input_tokens": 1000, "output_tokens": 800},
        price_version="2026-11-22:claude-sonnet-5-5@2026-10-07",
    )
