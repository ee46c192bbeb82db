"""The shared fixtures: fresh for each test, and nothing of the outside."""

import psycopg
import pytest

from montage_pipeline.settings import Settings
from montage_pipeline.storage.object_store import ObjectStore


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_gets_an_empty_migrated_database_and_bucket(
    settings: Settings, object_store: ObjectStore, turn: int
) -> None:
    with psycopg.connect(settings.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)
        connection.execute(
            "INSERT INTO users (id, email) VALUES (gen_random_uuid(), 'a@example.org')"
        )
    assert list(object_store.list_keys("")) == []
    object_store.put_bytes("left/behind", b"x", content_type="text/plain")
    assert ObjectStore.from_settings(settings).get_bytes("left/behind") == b"x"
