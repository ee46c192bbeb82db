"""Whoever asks for many pictures at once does not keep the API from answering others."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from uuid import UUID, uuid4

import pytest

from montage_pipeline.api.thumbnails import Places, thumbnail_of_upload
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage import stored_frame
from montage_pipeline.storage.keys import upload_key
from montage_pipeline.storage.object_store import ObjectStore

LONG_S = 60.0


def test_each_user_waits_for_a_few_pictures_and_all_together_for_a_few_more() -> None:
    places, greedy, other = Places(), uuid4(), uuid4()
    with ExitStack() as held:
        taken = sum(_takes(held, places, greedy) for _ in range(40))
        assert 2 <= taken < 40
        assert _takes(held, places, other), "one user alone leaves room for others"
        taken += 1 + sum(_takes(held, places, uuid4()) for _ in range(40))
        assert taken <= 10, "of 40 threads most answer something else"
    # What was given back is free.
    with ExitStack() as held:
        assert _takes(held, places, greedy)


def _takes(held: ExitStack, places: Places, user_id: UUID) -> bool:
    try:
        held.enter_context(places.one_of(user_id))
    except PermanentError as refused:
        return refused.code is not ErrorCode.THUMBNAIL_UNAVAILABLE
    return True


@pytest.fixture
def slow_decoder(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """One that is done when the event is set."""
    done = threading.Event()

    def draw(*_: object, **__: object) -> bytes:
        assert done.wait(LONG_S)
        return b"a picture"

    monkeypatch.setattr(stored_frame, "frame_of_stored", draw)
    yield done
    done.set()


def test_a_flood_of_one_user_is_refused_at_once(
    object_store: ObjectStore, slow_decoder: threading.Event
) -> None:
    user_id, upload_id = uuid4(), uuid4()
    object_store.put_bytes(
        upload_key(user_id, upload_id, "clip.mp4"), b"slow", content_type="video/mp4"
    )
    pictures: list[bytes] = []
    refused = threading.Semaphore(0)

    def ask() -> None:
        try:
            pictures.append(thumbnail_of_upload(object_store, user_id, upload_id))
        except PermanentError:
            refused.release()

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(20)]
    for thread in threads:
        thread.start()
    for _ in range(16):
        assert refused.acquire(timeout=LONG_S)  # while not one picture is made
    assert pictures == []
    slow_decoder.set()
    for thread in threads:
        thread.join(LONG_S)
    assert pictures == [b"a picture"] * 4
