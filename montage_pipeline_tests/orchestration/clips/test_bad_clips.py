"""A clip that cannot be had costs itself, never the request and its good clips."""

from pathlib import Path
from uuid import UUID

import dagster as dg

from montage_pipeline.composition import Services
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.options import MontageOptions
from montage_pipeline.vocabulary import ContentStatus
from montage_pipeline_tests.clicks import click
from montage_pipeline_tests.footage.fetching.loopback import Server, reply
from montage_pipeline_tests.hostile.crafted import huge_frames, latin_1_title
from montage_pipeline_tests.orchestration.conftest import (
    add_partition,
    item_of,
    make_clip,
    run_montage,
)


def test_whatever_is_wrong_with_a_clip_costs_that_clip(
    services: Services,
    library: ContentLibrary,
    instance: dg.DagsterInstance,
    user: UUID,
    tmp_path: Path,
) -> None:
    good = tmp_path / "good.mp4"
    make_clip(good, "testsrc2=size=192x144:rate=10", 12)
    server = Server()
    server.answers["/redirect.mp4"] = reply(b"", 302, Location="https://[::1")
    server.answers["/down.mp4"] = reply(b"", 503)
    reasons = {
        "https://xn--/a.mp4": "not a valid address",
        server.url("/redirect.mp4"): "redirects to what is no address",
        server.url("/down.mp4"): "the server failed (HTTP 503)",
        huge_frames(tmp_path).as_uri(): "the limit is 67 megapixels",
    }
    titled = latin_1_title(tmp_path)
    # A draft of the Reel: it is about what goes into it.
    given = (*reasons, good.as_uri(), titled.as_uri())
    created = click(library, user, *given, options=MontageOptions(preview=True))
    result = run_montage(services, instance, add_partition(instance, created))
    server.http.shutdown()

    assert result.success
    item = item_of(library, user, created)
    assert item.status is ContentStatus.DRAFT
    *bad, shown, _ = item.clips
    assert shown.segments
    for clip, reason in zip(bad, reasons.values(), strict=True):
        assert reason in (clip.reason or ""), clip
    assert all("cannot be read" not in (clip.reason or "") for clip in item.clips)
