"""What a small change costs when every chunk has been kept, in a real object store."""

import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.render.footage import Edit, Footage
from benchmarks.render.frames import decoded_hashes
from benchmarks.report import table
from montage_pipeline.local.embedded.seaweed import EmbeddedObjectStore
from montage_pipeline.rendering.ffmpeg_engine import FfmpegEngine
from montage_pipeline.rendering.video.chunks.store import ObjectChunkStore
from montage_pipeline.settings import Settings
from montage_pipeline.storage.object_store import ObjectStore

_FULL = "all segments, nothing kept"


@dataclass
class Change:
    """An edit after a change, and what rendering it took.

    `goal` is the most it may take, in full renders.
    """

    name: str
    edit: Edit
    goal: float | None
    shares: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    reused: int = 0
    chunks: int = 0
    as_fresh: bool = False


def measure(footage: Footage, seconds: int, folder: Path, runs: int) -> list[Change]:
    """Render, change, render again; each run begins with an empty store.

    The last one is compared with renders without a store.
    """
    changes = _changes(footage, seconds)
    settings = Settings()
    with _object_store() as found:
        for run in range(runs):
            store = ObjectStore(
                endpoint_url=found["R2_ENDPOINT_URL"],
                access_key_id=found["R2_ACCESS_KEY_ID"],
                secret_access_key=found["R2_SECRET_ACCESS_KEY"],
                bucket=f"run-{run}",
            )
            store.ensure_bucket()
            engine = FfmpegEngine(
                settings,
                ObjectChunkStore(
                    store, settings.chunks_max_bytes, timedelta(days=settings.chunks_max_days)
                ),
            )
            for change in changes:
                print(f"incremental: run {run + 1} of {runs}: {change.name}", flush=True)
                kept, edit = folder / "kept.mp4", change.edit
                made = engine.render(
                    edit.timeline, edit.sources, edit.music, kept, lambda share: None
                )
                change.seconds.append(made.seconds)
                change.shares.append(made.seconds / changes[0].seconds[run])
                change.chunks, change.reused = made.parts, made.parts_reused
                if run == runs - 1:
                    fresh = folder / "fresh.mp4"
                    FfmpegEngine(settings).render(
                        edit.timeline, edit.sources, edit.music, fresh, lambda share: None
                    )
                    change.as_fresh = decoded_hashes(kept) == decoded_hashes(fresh)
    return changes


def text(changes: list[Change]) -> str:
    """The table."""
    rows = []
    for change in changes:
        share = statistics.median(change.shares)
        verdict = (
            ""
            if change.goal is None
            else f"{change.goal:.2f} or less: {'reached' if share <= change.goal else 'missed'}"
        )
        figures = [
            f"{statistics.median(change.seconds):.1f}",
            f"{share:.2f}",
            verdict,
            f"{change.reused} of {change.chunks}",
        ]
        rows.append([change.name, *figures, "yes" if change.as_fresh else "**NO**"])
    head = (
        "changed",
        "median s",
        "of the full render",
        "goal",
        "segments from the store",
        "frames and sound as of a fresh render",
    )
    return f"{len(changes[0].seconds)} runs; shares are of the same run's full render.\n\n" + table(
        head, rows
    )


def _changes(footage: Footage, seconds: int) -> list[Change]:
    """Each against the first edit, so that one change is one change."""
    edit = footage.reel(seconds)
    segments = edit.timeline.segments
    number = len(segments) // 2
    moved = segments[number].model_copy(update={"source_in_s": segments[number].source_in_s + 0.4})
    quieter = edit.timeline.music.model_copy(update={"gain_db": -3.0})

    def changed(**fields: Any) -> Edit:
        return replace(edit, timeline=edit.timeline.model_copy(update=fields))

    return [
        Change(_FULL, edit, None),
        Change("nothing", edit, 0.15),
        Change("other music", replace(edit, music=footage.music(seconds, seed=2)), 0.15),
        Change("gain of the music", changed(music=quieter), 0.15),
        Change(
            "in-point of one segment",
            changed(segments=(*segments[:number], moved, *segments[number + 1 :])),
            0.35,
        ),
        Change(
            "order of the segments", changed(segments=(segments[0], *reversed(segments[1:]))), 0.15
        ),
    ]


@contextmanager
def _object_store() -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory(prefix="montage-bench-") as home:
        server = EmbeddedObjectStore(Path(home))
        server.start()
        try:
            yield server.settings()
        finally:
            server.destroy()
