"""Values that may be used again: found by what was asked, by item and by clips, for their owner."""

from uuid import UUID, uuid4

from sqlalchemy.engine import Engine

from montage_pipeline.requests.deletion import delete_item
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.requests.model import CreatedRequest
from montage_pipeline.requests.reuse.kept import KeptValue, KeptValues
from montage_pipeline.vocabulary import Step
from montage_pipeline_tests.clicks import click, finish, new_user

MUSIC = Step.MUSIC_TRACK


def value(created: CreatedRequest, user: UUID, asked: str = "a") -> KeptValue:
    return KeptValue(
        montage_request_id=created.request_id, user_id=user, step=MUSIC, asked=asked, clips="c"
    )


def test_values_are_found_by_their_owner_until_their_item_is_deleted(
    library: ContentLibrary, requests: RequestLifecycle, engine: Engine, user: UUID
) -> None:
    kept, other = KeptValues(engine), new_user(library)
    first, second = click(library, user), click(library, user)
    theirs = click(library, other)
    for created, owner in ((first, user), (second, user), (theirs, other)):
        kept.note(value(created, owner))

    newest_first = [second.request_id, first.request_id]
    assert kept.answering(user, MUSIC, "a") == newest_first
    assert kept.answering(user, MUSIC, "a", first.request_id) == newest_first[::-1]
    assert kept.of_clips(user, MUSIC, "c") == newest_first
    assert kept.of_item(user, MUSIC, first.content_item_id) == [first.request_id]
    assert kept.of_item(other, MUSIC, first.content_item_id) == []
    assert kept.answering(user, Step.CLIP_ANALYSIS, "a") == []
    assert kept.answering(uuid4(), MUSIC, "a") == []

    # Made again from something else: the row is of the value that is there now.
    kept.note(value(first, user, "b"))
    assert kept.answering(user, MUSIC, "a") == [second.request_id]
    assert kept.answering(user, MUSIC, "b") == [first.request_id]

    finish(requests, second.request_id)
    delete_item(engine, user, second.content_item_id, lambda _: [])
    assert kept.answering(user, MUSIC, "a") == []
    assert kept.answering(other, MUSIC, "a") == [theirs.request_id]
