"""URLs that need no credentials: for browsers that watch a Reel, and for clients that upload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from montage_pipeline.errors import ErrorCode, PermanentError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from montage_pipeline.storage.store_errors import StoreErrors

MAX_PRESIGN_S = 604_800
"""R2 signs for at most seven days."""


@dataclass(frozen=True)
class PutHeaders:
    """What a PUT must send along, word for word: the store keeps it, and sends it to whoever reads
    the object. What is not signed could be chosen by whoever uploads.
    """

    content_type: str
    content_disposition: str
    content_encoding: str = "identity"

    @classmethod
    def for_file(cls, content_type: str, name: str) -> PutHeaders:
        """For a file that is only ever saved under its name, never shown as a page."""
        return cls(content_type, f"attachment; filename*=UTF-8''{quote(name, safe='')}")

    def as_mapping(self) -> dict[str, str]:
        """The headers by name."""
        return {
            "Content-Type": self.content_type,
            "Content-Disposition": self.content_disposition,
            "Content-Encoding": self.content_encoding,
        }


@dataclass(frozen=True)
class UrlSigner:
    """Makes URLs for one bucket; `get_expires_s` is how long those for reading live."""

    client: S3Client
    errors: StoreErrors
    public_base_url: str
    get_expires_s: int

    def public_url(self, key: str) -> str | None:
        """Below the public base URL; None without one."""
        if not self.public_base_url:
            return None
        return f"{self.public_base_url}/{quote(key, safe='/~')}"

    def media_url(self, key: str) -> str:
        """Below the public base URL, else a presigned GET."""
        if public := self.public_url(key):
            return public
        with self.errors.translated("sign", key):
            return self.client.generate_presigned_url(
                "get_object",
                Params={"Bucket": self.errors.bucket, "Key": key},
                ExpiresIn=self.get_expires_s,
            )

    def presign_put(
        self, key: str, *, headers: PutHeaders, expires_s: int, content_length: int | None
    ) -> str:
        """See `ObjectStore.presign_put`."""
        if not 1 <= expires_s <= MAX_PRESIGN_S:
            raise PermanentError(
                ErrorCode.PRESIGN_TOO_LONG,
                f"a presigned URL lives 1 to {MAX_PRESIGN_S} s, not {expires_s} s",
                key=key,
            )
        params: dict[str, Any] = {
            "Bucket": self.errors.bucket,
            "Key": key,
            "ContentType": headers.content_type,
            "ContentDisposition": headers.content_disposition,
            "ContentEncoding": headers.content_encoding,
        }
        if content_length is not None:
            params["ContentLength"] = content_length
        with self.errors.translated("sign", key):
            return self.client.generate_presigned_url(
                "put_object", Params=params, ExpiresIn=expires_s
            )
