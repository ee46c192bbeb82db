"""What earlier Reels of a user showed is found by file and by fingerprint, up to a point in time,
and is stored with the delivery.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.lifecycle import FinishedReel, RequestLifecycle
from montage_pipeline.requests.seen import SeenFootage, SeenSegment
from montage_pipeline.rules import looks_alike
from montage_pipeline_tests.clicks import REEL, click, finish, new_user
from montage_pipeline_tests.examples import examples

ORIGINALITY = {"score": 0.9, "parts": []}


def deliver(
    library: ContentLibrary, requests: RequestLifecycle, user: UUID, segments: list[SeenSegment]
) -> UUID:
    """A request of this user whose Reel shows the segments, delivered now."""
    created = click(library, user)
    finish(requests, created.request_id, reel=reel_of(*segments))
    item = library.get_item(user, created.content_item_id)
    assert item is not None
    assert item.originality == ORIGINALITY
    return created.request_id


def reel_of(*shown: SeenSegment) -> FinishedReel:
    return REEL.model_copy(update={"originality": ORIGINALITY, "shown": shown})


def now(engine: Engine) -> datetime:
    with engine.connect() as connection:
        found = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    assert isinstance(found, datetime)
    return found


def segment(file: str, start_s: float, fingerprint: int | None) -> SeenSegment:
    return SeenSegment(
        sha256=file,
        start_s=start_s,
        end_s=start_s + 3,
        fingerprint="" if fingerprint is None else f"{fingerprint:016x}",
    )


FILES = ["a" * 64, "b" * 64, "c" * 64]
PRINTS = st.one_of(
    st.integers(0, 2**64 - 1),
    # Near each other, around the limit of what is alike, with the highest bit set and not.
    st.sets(st.integers(0, 63), max_size=12).map(lambda bits: sum(1 << bit for bit in bits)),
)
SEGMENTS = st.lists(
    st.builds(segment, st.sampled_from(FILES), st.floats(0, 100), st.one_of(st.none(), PRINTS)),
    max_size=5,
)


@hypothesis_settings(
    max_examples=examples(0.25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    reels=st.lists(SEGMENTS, max_size=4),
    files=st.sets(st.sampled_from(FILES)),
    prints=st.sets(PRINTS, max_size=4),
)
def test_all_that_is_the_same_or_looks_alike_is_found_and_nothing_else(
    engine: Engine,
    library: ContentLibrary,
    requests: RequestLifecycle,
    reels: list[list[SeenSegment]],
    files: set[str],
    prints: set[int],
) -> None:
    user, other = new_user(library), new_user(library)
    for shown in reels:
        deliver(library, requests, user, shown)
        deliver(library, requests, other, [segment(FILES[0], 7, 0)])
    before = now(engine)
    deliver(library, requests, user, [segment(FILES[0], 50, 0)])
    found = SeenFootage(engine).earlier(
        user, before, files=files, fingerprints={f"{fingerprint:016x}" for fingerprint in prints}
    )

    def wanted(shown: SeenSegment) -> bool:
        if shown.sha256 in files:
            return True
        return shown.fingerprint != "" and any(
            looks_alike(int(shown.fingerprint, 16), fingerprint) for fingerprint in prints
        )

    expected = [shown for reel in reels for shown in reel if wanted(shown)]
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_a_reel_that_is_delivered_again_is_known_by_what_it_shows_now_since_when_it_first_did(
    engine: Engine, library: ContentLibrary, requests: RequestLifecycle, user: UUID
) -> None:
    request = deliver(library, requests, user, [segment(FILES[0], 1, 0)])
    between = now(engine)
    seen = SeenFootage(engine)
    assert requests.reopen(request, "again")
    assert requests.succeed(request, "again", reel_of(segment(FILES[0], 20, 0)))
    for before in (between, now(engine)):
        found = seen.earlier(user, before, files=FILES, fingerprints=())
        assert [shown.start_s for shown in found] == [20]


def test_a_request_that_fails_showed_nothing_and_a_user_who_goes_takes_it_all_along(
    engine: Engine, library: ContentLibrary, requests: RequestLifecycle, user: UUID
) -> None:
    created = click(library, user)
    assert not requests.succeed(created.request_id, "nobody", reel_of(segment(FILES[0], 1, 0)))
    deliver(library, requests, user, [segment(FILES[1], 1, 0)])
    later = datetime.now(UTC) + timedelta(hours=1)
    found = SeenFootage(engine).earlier(user, later, files=FILES, fingerprints=())
    assert [shown.sha256 for shown in found] == [FILES[1]]

    with engine.begin() as connection:
        connection.execute(text("DELETE FROM users WHERE id = :id"), {"id": user})
        assert (
            connection.execute(
                text("SELECT count(*) FROM seen_segments WHERE user_id = :id"), {"id": user}
            ).scalar_one()
            == 0
        )
