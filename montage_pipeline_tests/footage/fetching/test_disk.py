"""Local files are read where they lie, when settings allow it."""

import hashlib
from pathlib import Path

from montage_pipeline.errors import ErrorCode
from montage_pipeline_tests.footage.fetching.loopback import VIDEO, fetcher, refusal


def test_local_files_only_when_allowed(tmp_path: Path) -> None:
    path = tmp_path / "a clip.mp4"
    path.write_bytes(VIDEO)
    for url in (path.as_uri(), str(path)):
        assert refusal(fetcher(tmp_path), url).code == ErrorCode.CLIP_BAD_URL
        clip = fetcher(tmp_path, local_files=True).fetch(url)
        assert (clip.path, clip.url, clip.sha256) == (path, url, hashlib.sha256(VIDEO).hexdigest())
    path.write_bytes(VIDEO + b"more")
    assert (
        fetcher(tmp_path, local_files=True).fetch(str(path)).sha256
        == hashlib.sha256(VIDEO + b"more").hexdigest()
    )
    assert (
        refusal(fetcher(tmp_path, local_files=True), f"{path}.missing").code
        == ErrorCode.CLIP_NOT_FOUND
    )
