"""Time one swapped segment from the click to `draft`, beside the full Reel of the same run.

    python -m benchmarks.changes [--swaps 3] [--duration 30] [--write] CLIP…

Without clips it uses the sample footage of the demo, for 10 s. Each swap shows the best alternative
in the place of another segment of the edit before. `--write` puts the table into
docs/benchmarks.md.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from benchmarks import report
from benchmarks.measuring import PAUSE_S
from montage_pipeline.cli.job.local_job import LocalJob
from montage_pipeline.composition import Services
from montage_pipeline.local.footage import demo_clips
from montage_pipeline.local.identity import LOCAL_USER_ID
from montage_pipeline.local.stack import LocalStack
from montage_pipeline.rendering.model import RenderedVideo
from montage_pipeline.requests.model import (
    CreatedRequest,
    MontageRequest,
    NewContentItem,
    WantedChanges,
)
from montage_pipeline.requests.segment_changes.model import ReplaceSegment
from montage_pipeline.settings import Settings, get_settings
from montage_pipeline.storage.keys import document_key
from montage_pipeline.vocabulary import ContentStatus, Format, Step

_NOTED_WITHIN_S = 10.0

GOAL_SHARE = 0.25
"""Of the full Reel, from the click to `draft`."""


class Timed(NamedTuple):
    """Seconds of a request, in all and by step; and how many of its segments were rendered."""

    name: str
    total_s: float
    steps: dict[str, float]
    rendered: int
    segments: int


def measure(clips: Sequence[str], duration_s: int, swaps: int) -> list[Timed]:
    """A full Reel, then so many swaps of one segment each."""
    with _system() as services:
        job = LocalJob(services)
        urls = tuple(Path(clip).resolve().as_uri() for clip in clips)
        created = job.submit(
            NewContentItem(
                clip_urls=urls, style="dynamic", format=Format.REEL, duration_s=duration_s
            )
        )
        timed = [_timed(services, job, created, "all of it")]
        for number in range(swaps):
            time.sleep(PAUSE_S)
            segment = _swappable(services, created, number)
            created = _swap(services, created, segment)
            timed.append(_timed(services, job, created, f"segment {segment + 1} swapped"))
    return timed


@contextmanager
def _system() -> Iterator[Services]:
    with tempfile.TemporaryDirectory(prefix="montage-bench-") as home:
        # Postgres runs under another account when this runs as root; it must be able to reach its
        # folder.
        Path(home).chmod(0o755)
        settings = Settings(home=Path(home) / "home", local_files=True)
        stack = LocalStack(settings, with_ui=False, with_api=False)
        try:
            os.environ.update(stack.start().env)
            get_settings.cache_clear()
            services = Services(get_settings())
            yield services
            services.close()
        finally:
            stack.stop()


def _swappable(services: Services, base: CreatedRequest, number: int) -> int:
    """The number of a segment that has an alternative; another one for every `number`."""
    segments = services.edit_room(base.request_id).segments
    found = [at for at, segment in enumerate(segments) if at and segment.alternatives]
    if not found:
        raise SystemExit("These clips have nothing to show instead: give more of them.")
    return found[number % len(found)]


def _swap(services: Services, base: CreatedRequest, segment: int) -> CreatedRequest:
    best = services.edit_room(base.request_id).segments[segment].alternatives[0]
    changes = WantedChanges(
        base_request_id=base.request_id,
        changes=(ReplaceSegment(segment=segment, alternative=best.id),),
    )
    return services.library.request_again(LOCAL_USER_ID, base.content_item_id, changes=changes)


def _timed(services: Services, job: LocalJob, created: CreatedRequest, name: str) -> Timed:
    item = job.watch(created, lambda _: None)
    if item.status is not ContentStatus.DRAFT:
        raise SystemExit(f"{name}: {item.error}")
    request = _with_all_steps(services, created.request_id)
    assert request.finished_at is not None
    run = _rendered(services, created.request_id).run
    total_s = (request.finished_at - request.created_at).total_seconds()
    return Timed(name, total_s, request.step_seconds, run.parts - run.parts_reused, run.parts)


def _with_all_steps(services: Services, request_id: UUID) -> MontageRequest:
    """The request once its last step is noted, which is just after its item is `draft`."""
    deadline_s = time.monotonic() + _NOTED_WITHIN_S
    while True:
        request = services.requests.get_request(request_id)
        assert request is not None
        if Step.R2_OBJECT.value in request.step_seconds or time.monotonic() > deadline_s:
            return request
        time.sleep(0.1)


def _rendered(services: Services, request_id: UUID) -> RenderedVideo:
    document = services.store.get_bytes(document_key(request_id, Step.RENDERED_VIDEO))
    return RenderedVideo.model_validate_json(document)


def table(timed: Sequence[Timed], duration_s: int) -> str:
    """A row for the full Reel and one for each swap, and the median share."""
    full, *swaps = timed
    rows = [
        [
            one.name,
            f"{one.rendered} of {one.segments}",
            *(f"{one.steps[step.value]:.1f}" for step in Step),
            f"{one.total_s - sum(one.steps.values()):.1f}",
            f"{one.total_s:.1f}",
            f"{one.total_s / full.total_s:.2f}",
        ]
        for one in timed
    ]
    head = ("", "rendered", *(step.value for step in Step), "waiting", "total s", "share")
    share = statistics.median(one.total_s for one in swaps) / full.total_s
    reached = "reached" if share <= GOAL_SHARE else "not reached"
    return (
        f"{duration_s} s, {full.segments} segments; {report.machine()}.\n\n"
        f"{report.table(head, rows)}\n"
        f"Median share of a swap: {share:.2f} (goal {GOAL_SHARE:.2f} or less: {reached}).\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", nargs="*", metavar="CLIP")
    parser.add_argument("--swaps", type=int, default=3)
    parser.add_argument("--duration", type=int, default=30)
    parser.add_argument(
        "--write", action="store_true", help="put the table into docs/benchmarks.md"
    )
    arguments = parser.parse_args()
    duration_s = arguments.duration if arguments.clips else 10
    clips = arguments.clips or [str(path) for path in demo_clips()]
    text = table(measure(clips, duration_s, arguments.swaps), duration_s)
    print(text)
    if arguments.write:
        report.write("changes", text)


if __name__ == "__main__":
    main()
