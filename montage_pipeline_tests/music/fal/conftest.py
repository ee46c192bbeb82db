"""The server that is paid, and a desk where it is paid."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine

from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline_tests.clicks import click
from montage_pipeline_tests.fakes.fal_server import FalServer
from montage_pipeline_tests.music.fal.desk import Desk


@pytest.fixture
def server() -> Iterator[FalServer]:
    """fal's queue on loopback; it knows the key `a-key`."""
    with FalServer(key="a-key") as server:
        yield server


@pytest.fixture
def desk(
    engine: Engine, library: ContentLibrary, user: UUID, server: FalServer, tmp_path: Path
) -> Desk:
    """A request of a user, ready to have its music bought."""
    return Desk(engine, server, user, click(library, user).request_id, tmp_path)
