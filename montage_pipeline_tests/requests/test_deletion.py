"""What a deleted item leaves in the store is remembered until it is gone."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from montage_pipeline.requests.deletion import Leavings, Purge, delete_item, purge_due
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.requests.tables import ObjectPurgeRow
from montage_pipeline_tests.clicks import click, finish


def left(engine: Engine) -> list[tuple[str, int]]:
    with Session(engine) as session:
        found = select(ObjectPurgeRow.prefix, ObjectPurgeRow.sweeps_left)
        return [
            (prefix, sweeps)
            for prefix, sweeps in session.execute(found.order_by(ObjectPurgeRow.prefix))
        ]


def time_passes(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        session.execute(update(ObjectPurgeRow).values(due_at=func.now()))


def test_each_prefix_is_swept_as_often_as_it_needs_and_again_after_an_outage(
    engine: Engine, library: ContentLibrary, requests: RequestLifecycle, user: UUID
) -> None:
    created = click(library, user)
    finish(requests, created.request_id)
    delete_item(
        engine, user, created.content_item_id, lambda _: [Purge("work/", 2), Purge("uploads/", 1)]
    )
    swept: list[str] = []

    def sweep(prefix: str) -> bool:
        swept.append(prefix)
        return True

    assert purge_due(engine, lambda _: False) == 2  # the store is down
    assert purge_due(engine, sweep) == 0  # not at once again
    time_passes(engine)
    assert purge_due(engine, sweep) == 2
    assert sorted(swept) == ["uploads/", "work/"]
    assert left(engine) == [("work/", 1)]
    assert purge_due(engine, sweep) == 0
    time_passes(engine)
    assert purge_due(engine, sweep) == 1
    assert left(engine) == []


def test_a_purge_that_dies_is_made_again(
    engine: Engine, library: ContentLibrary, requests: RequestLifecycle, user: UUID
) -> None:
    created = click(library, user)
    finish(requests, created.request_id)
    delete_item(engine, user, created.content_item_id, lambda _: [Purge("work/", 1)])

    def dying(_: str) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        purge_due(engine, dying)
    assert purge_due(engine, lambda _: True) == 1


def test_what_another_request_of_the_user_names_is_not_left_over(
    engine: Engine, library: ContentLibrary, requests: RequestLifecycle, user: UUID
) -> None:
    kept = click(library, user, "s3://b/shared.mp4", options={"music_url": "s3://b/shared.mp3"})
    gone = click(
        library,
        user,
        "s3://b/shared.mp4",
        "s3://b/own.mp4",
        options={"music_url": "s3://b/shared.mp3"},
    )
    finish(requests, gone.request_id)
    found: list[Leavings] = []

    def noting(leavings: Leavings) -> list[Purge]:
        found.append(leavings)
        return []

    delete_item(engine, user, gone.content_item_id, noting)
    assert found[0].urls == ("s3://b/own.mp4",)
    assert found[0].request_ids == (gone.request_id,)
    assert library.get_item(user, kept.content_item_id) is not None
    assert library.get_item(user, gone.content_item_id) is None


def test_nothing_is_remembered_of_an_item_that_is_not_deleted(
    engine: Engine, library: ContentLibrary, user: UUID
) -> None:
    created = click(library, user)
    for whose in (user, uuid4()):
        with pytest.raises(Exception, match=r"being generated|no content item"):
            delete_item(engine, whose, created.content_item_id, lambda _: [Purge("work/", 1)])
    assert left(engine) == []
