"""What is fetched is kept within a limit, and fetched once."""

import threading
import time
from pathlib import Path

from montage_pipeline.footage.fetching.cache import ClipCache
from montage_pipeline_tests.footage.fetching.loopback import VIDEO, Server, Store, fetcher, reply


def test_least_recently_used_goes_first_and_clips_in_use_stay(
    server: Server, tmp_path: Path
) -> None:
    for name in "abcd":
        server.answers[f"/{name}"] = reply(VIDEO + name.encode())
    limit = int(len(VIDEO) * 2.5)
    paths = {}
    for name in "abc":
        with fetcher(tmp_path, cache_max_bytes=limit) as made:
            paths[name] = made.fetch(server.url(f"/{name}")).path
            time.sleep(0.02)
    assert [name for name in "abc" if paths[name].exists()] == ["b", "c"]
    with (
        fetcher(tmp_path, cache_max_bytes=limit) as user,
        fetcher(tmp_path, cache_max_bytes=limit) as other,
    ):
        user.fetch(server.url("/b"))
        user.fetch(server.url("/c"))
        paths["d"] = other.fetch(server.url("/d")).path
        assert all(paths[name].exists() for name in "bcd"), "a clip in use was evicted"
    ClipCache(tmp_path / "cache", limit).evict()
    assert sum(paths[name].exists() for name in "bcd") == 2


def test_many_at_once_fetch_once(server: Server, tmp_path: Path) -> None:
    store = Store()
    made = fetcher(tmp_path, store)
    found: list[bytes] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(made.fetch("s3://ours/uploads/a%20b.mp4").path.read_bytes())
        )
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert found == [VIDEO] * 6
    assert store.downloads == 1
