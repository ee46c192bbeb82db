"""Whoever starts requests is woken by whatever gives it something to start, and by nothing else."""

import threading
from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from montage_pipeline.requests.database import create_engine
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.requests.queue.nudges import Nudges
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import Step
from montage_pipeline_tests.clicks import REEL, click

SOON_S = 10.0
"""Far more than a notification takes on a busy machine."""


@pytest.fixture
def nudged(settings: Settings) -> Iterator[threading.Event]:
    """An event that is set by each nudge, beginning after the one for listening at all."""
    event = threading.Event()
    nudges = Nudges(settings, event.set)
    nudges.start()
    assert event.wait(SOON_S)
    event.clear()
    yield event
    nudges.close()


def test_a_click_and_an_end_nudge_and_progress_does_not(
    nudged: threading.Event, library: ContentLibrary, requests: RequestLifecycle, user: UUID
) -> None:
    created = click(library, user)
    assert nudged.wait(SOON_S)
    nudged.clear()

    requests.start(created.request_id, "run")
    requests.progress(created.request_id, "run", Step.MUSIC_TRACK, 30)
    requests.note_step(created.request_id, Step.MUSIC_TRACK, 1.0)
    assert not nudged.wait(0.5)

    requests.succeed(created.request_id, "run", REEL)
    assert nudged.wait(SOON_S)


def test_who_may_read_no_table_hears_of_requests_all_the_same(
    settings: Settings, engine: Engine, library: ContentLibrary, user: UUID
) -> None:
    """The account that the example of secrets for Kubernetes gives the daemon."""
    role = f"listener_{user.hex}"
    with engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD 'secret'"))
    url = make_url(settings.database_url).set(username=role, password="secret")
    listening = settings.model_copy(
        update={"database_url": url.render_as_string(hide_password=False)}
    )
    with create_engine(listening).connect() as connection, pytest.raises(ProgrammingError):
        connection.execute(text("SELECT * FROM montage_requests"))
    nudged = threading.Event()
    nudges = Nudges(listening, nudged.set)
    nudges.start()
    assert nudged.wait(SOON_S)
    nudged.clear()
    click(library, user)
    assert nudged.wait(SOON_S)
    nudges.close()


def test_a_connection_that_is_cut_is_made_again_and_what_was_missed_is_looked_for(
    nudged: threading.Event, engine: Engine, library: ContentLibrary, user: UUID
) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND query LIKE 'LISTEN%'"
            )
        )
    assert nudged.wait(SOON_S)
    nudged.clear()
    click(library, user)
    assert nudged.wait(SOON_S)
