"""Media URLs that work when they are read.

A bucket without a public base URL is read through presigned URLs, which live at most seven days:
the one stored with a Reel dies before the Reel does.
"""

from urllib.parse import unquote, urlsplit

from montage_pipeline.storage.object_store import ObjectStore


def fresh_url(stored_url: str | None, store: ObjectStore) -> str | None:
    """The URL itself, or, when it is a presigned URL of this store's bucket, one signed now."""
    if not stored_url or "X-Amz-Signature=" not in stored_url:
        return stored_url
    base = f"{store.endpoint_url.rstrip('/')}/{store.bucket}/"
    if not stored_url.startswith(base):
        return stored_url
    return store.media_url(unquote(urlsplit(stored_url[len(base) :]).path))
