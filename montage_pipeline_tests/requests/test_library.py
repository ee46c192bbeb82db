"""A click makes one request, whatever is sent twice or at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from montage_pipeline.errors import PermanentError
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.requests.model import WantedChanges
from montage_pipeline.requests.options import MontageOptions
from montage_pipeline.requests.segment_changes.model import CaptionSegment, ChangeMusic
from montage_pipeline_tests.clicks import asked, click, finish


def test_one_key_makes_one_item_even_in_a_race(library: ContentLibrary, user: UUID) -> None:
    with ThreadPoolExecutor(8) as pool:
        created = list(
            pool.map(
                lambda _: library.create_item(user, asked(), idempotency_key="click"), range(16)
            )
        )
    assert len({one.request_id for one in created}) == 1
    assert sum(not one.replayed for one in created) == 1
    with pytest.raises(PermanentError, match="another request") as caught:
        library.create_item(user, asked(duration_s=15), idempotency_key="click")
    assert caught.value.code == "idempotency_conflict"


def test_an_item_has_one_request_under_way_even_in_a_race(
    library: ContentLibrary, requests: RequestLifecycle, user: UUID
) -> None:
    created = click(library, user)
    finish(requests, created.request_id)

    def again(_: int) -> str:
        try:
            return str(library.request_again(user, created.content_item_id).request_id)
        except PermanentError as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(again, range(12)))
    assert answers.count("already_generating") == 11
    # A finished request cannot be reopened while another one of its item is under way.
    assert not requests.reopen(created.request_id, "by hand")
    with pytest.raises(PermanentError, match="no content item"):
        library.request_again(uuid4(), created.content_item_id)


@pytest.mark.parametrize("fails", [True, False])
def test_a_change_that_fails_leaves_no_wishes(
    library: ContentLibrary, requests: RequestLifecycle, user: UUID, fails: bool
) -> None:
    created = click(library, user, options=MontageOptions(captions="Sunday"))
    finish(requests, created.request_id)
    changes = (CaptionSegment(text="Monday"), ChangeMusic(url="https://x/too-short.mp3"))
    wanted = WantedChanges(base_request_id=created.request_id, changes=changes)
    item_id = created.content_item_id
    changed = library.request_again(user, item_id, changes=wanted)
    if fails:
        assert requests.withdraw(changed.request_id)
    else:
        finish(requests, changed.request_id)

    item = library.get_item(user, item_id)
    assert item is not None
    assert item.request_id == changed.request_id
    assert item.options.captions == ("Sunday" if fails else "Monday")
    again = requests.get_request(library.request_again(user, item_id).request_id)
    assert again is not None
    assert again.options == item.options
    assert (again.options.music_url is None) is fails
