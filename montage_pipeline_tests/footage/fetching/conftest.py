"""A server to fetch from."""

from collections.abc import Iterator

import pytest

from montage_pipeline_tests.footage.fetching.loopback import Server


@pytest.fixture
def server() -> Iterator[Server]:
    """A loopback web server."""
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()
