"""Wishes are stored with their request, outlive it, and are refused when they contradict each
other.
"""

from uuid import UUID

import pytest
from sqlalchemy import Engine

from montage_pipeline.errors import PermanentError
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import RequestLifecycle
from montage_pipeline.requests.options import MontageOptions
from montage_pipeline.vocabulary import Look
from montage_pipeline_tests.clicks import asked, click, finish, next_requests

CLIPS = ("https://x/a.mp4", "https://x/b.mp4", "https://x/c.mp4")
WISHES = MontageOptions(
    hook_clip=CLIPS[1],
    must_use=CLIPS[:2],
    exclude=CLIPS[2:],
    music_url="https://x/song.mp3",
    target_bpm=96,
    prompt="sunset, the dog, no faces",
    captions="Сад 花園 🌷",
    look=Look.AS_SHOT,
    short_cuts=True,
)


def options_of(requests: RequestLifecycle, request_id: UUID) -> MontageOptions:
    request = requests.get_request(request_id)
    assert request is not None
    return request.options


def test_wishes_stand_until_others_are_made(
    library: ContentLibrary, requests: RequestLifecycle, user: UUID, engine: Engine
) -> None:
    first = click(library, user, *CLIPS, options=WISHES)
    assert options_of(requests, first.request_id) == WISHES
    assert [request.options for request in next_requests(engine)] == [WISHES]
    for given, stands in (
        (None, WISHES),
        (MontageOptions(target_bpm=140), MontageOptions(target_bpm=140)),
        (None, MontageOptions(target_bpm=140)),
        (MontageOptions(), MontageOptions()),
        (None, MontageOptions()),
    ):
        finish(requests, next_requests(engine)[0].id)
        again = library.request_again(user, first.content_item_id, given)
        assert options_of(requests, again.request_id) == stands


def test_a_key_stands_for_its_wishes_too(
    library: ContentLibrary, requests: RequestLifecycle, user: UUID
) -> None:
    first = library.create_item(user, asked(*CLIPS, options=WISHES), idempotency_key="one")
    assert (
        library.create_item(user, asked(*CLIPS, options=WISHES), idempotency_key="one").request_id
        == first.request_id
    )
    for other in (
        MontageOptions(),
        WISHES.model_copy(update={"captions": "Сад"}),
        WISHES.model_copy(update={"target_bpm": None}),
    ):
        with pytest.raises(PermanentError) as caught:
            library.create_item(user, asked(*CLIPS, options=other), idempotency_key="one")
        assert caught.value.code == "idempotency_conflict"
    finish(requests, first.request_id)
    library.request_again(user, first.content_item_id, MontageOptions(), idempotency_key="two")
    for other_again in (None, MontageOptions(target_bpm=90)):
        with pytest.raises(PermanentError) as caught:
            library.request_again(user, first.content_item_id, other_again, idempotency_key="two")
        assert caught.value.code == "idempotency_conflict"


@pytest.mark.parametrize(
    ("wishes", "codes"),
    [
        ({"hook_clip": "https://x/z.mp4"}, ["hook_clip_unknown"]),
        ({"must_use": ["https://x/z.mp4"]}, ["must_use_unknown"]),
        ({"exclude": [CLIPS[0], "https://x/z.mp4"]}, ["exclude_unknown"]),
        ({"hook_clip": CLIPS[0], "exclude": [CLIPS[0]]}, ["hook_clip_excluded"]),
        ({"must_use": CLIPS[:2], "exclude": [CLIPS[1]]}, ["must_use_excluded"]),
        ({"exclude": CLIPS}, ["all_clips_excluded"]),
        (
            {"hook_clip": CLIPS[0], "must_use": ["https://x/z.mp4"], "exclude": [CLIPS[0]]},
            ["must_use_unknown", "hook_clip_excluded"],
        ),
    ],
)
def test_contradictions_have_their_own_codes(
    wishes: dict[str, object],
    codes: list[str],
    library: ContentLibrary,
    requests: RequestLifecycle,
    user: UUID,
    engine: Engine,
) -> None:
    options = MontageOptions.model_validate(wishes)
    with pytest.raises(PermanentError) as caught:
        click(library, user, *CLIPS, options=options)
    assert caught.value.code == codes[0]
    assert [problem["code"] for problem in caught.value.details["problems"]] == codes
    assert next_requests(engine) == []
    first = click(library, user, *CLIPS)
    finish(requests, first.request_id)
    with pytest.raises(PermanentError) as caught:
        library.request_again(user, first.content_item_id, options)
    assert caught.value.code == codes[0]
    item = library.get_item(user, first.content_item_id)
    assert item is not None
    assert item.status == "draft", "a refused click leaves the item as it was"


def test_clips_are_named_once_and_in_order() -> None:
    options = MontageOptions(hook_clip=CLIPS[1], must_use=(CLIPS[0], CLIPS[1]), exclude=(CLIPS[2],))
    assert options.clips_to_use((*CLIPS, CLIPS[0])) == CLIPS[:2]
    assert options.wished_clips == (CLIPS[1], CLIPS[0])
