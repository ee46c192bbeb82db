"""Files of our own bucket are read through the store."""

from pathlib import Path

from montage_pipeline.errors import ErrorCode
from montage_pipeline_tests.footage.fetching.loopback import VIDEO, Store, fetcher, refusal


def test_our_bucket_is_read_through_the_store(tmp_path: Path) -> None:
    store = Store()
    for _ in range(2):
        assert (
            fetcher(tmp_path, store).fetch("s3://ours/uploads/a%20b.mp4").path.read_bytes() == VIDEO
        )
    assert store.downloads == 1
    made = fetcher(tmp_path, store)
    assert refusal(made, "s3://ours/uploads/none.mp4").code == ErrorCode.CLIP_NOT_FOUND
    assert refusal(made, "s3://theirs/uploads/a.mp4").code == ErrorCode.CLIP_BAD_URL
    assert refusal(made, "s3://ours/work/x.json").code == ErrorCode.CLIP_NOT_VIDEO
    assert (
        refusal(fetcher(tmp_path, store, max_clip_bytes=100), "s3://ours/uploads/a%20b.mp4").code
        == ErrorCode.CLIP_TOO_LARGE
    )
