"""Files that clients send in parts: each part by a presigned PUT, so that what was sent stays sent
when a line breaks, and parts can go side by side.

The store keeps what was begun until it is completed or aborted; `abort_old` ends what nobody
completes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from montage_pipeline.storage.signing import PutHeaders

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from montage_pipeline.storage.store_errors import StoreErrors


@dataclass(frozen=True)
class Begun:
    """An upload that is not complete; `store_id` is the store's name for it."""

    key: str
    store_id: str
    begun_at: datetime


@dataclass(frozen=True)
class Part:
    """A part that the store has."""

    number: int
    bytes: int
    etag: str


@dataclass(frozen=True)
class MultipartUploads:
    """Uploads in parts to one bucket."""

    client: S3Client
    errors: StoreErrors

    def begin(self, key: str, headers: PutHeaders) -> Begun:
        """Start an upload; the object, once complete, has these headers."""
        with self.errors.translated("begin an upload of", key):
            answer = self.client.create_multipart_upload(
                Bucket=self.errors.bucket,
                Key=key,
                ContentType=headers.content_type,
                ContentDisposition=headers.content_disposition,
                ContentEncoding=headers.content_encoding,
            )
        return Begun(key, answer["UploadId"], datetime.now().astimezone())

    def begun(self, prefix: str) -> Iterator[Begun]:
        """Uploads below `prefix` that are neither complete nor aborted."""
        with self.errors.translated("list the uploads of", prefix):
            pages = self.client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self.errors.bucket, Prefix=prefix
            )
            for page in pages:
                for upload in page.get("Uploads", []):
                    # Not every store goes by the prefix.
                    if upload["Key"].startswith(prefix):
                        yield Begun(upload["Key"], upload["UploadId"], upload["Initiated"])

    def presign_part(self, upload: Begun, number: int, *, size: int, expires_s: int) -> str:
        """A URL that takes a PUT of this part, of exactly `size` bytes."""
        with self.errors.translated("sign", upload.key):
            return self.client.generate_presigned_url(
                "upload_part",
                Params={**self._named(upload), "PartNumber": number, "ContentLength": size},
                ExpiresIn=expires_s,
            )

    def parts(self, upload: Begun) -> list[Part]:
        """What the store has of it, by number."""
        with self.errors.translated("look at the upload of", upload.key):
            pages = self.client.get_paginator("list_parts").paginate(**self._named(upload))
            return [
                Part(part["PartNumber"], part["Size"], part["ETag"])
                for page in pages
                for part in page.get("Parts", [])
            ]

    def complete(self, upload: Begun, parts: Sequence[Part]) -> None:
        """Make the object of these parts."""
        with self.errors.translated("complete the upload of", upload.key):
            self.client.complete_multipart_upload(
                **self._named(upload),
                MultipartUpload={
                    "Parts": [{"PartNumber": part.number, "ETag": part.etag} for part in parts]
                },
            )

    def abort(self, upload: Begun) -> None:
        """Drop what was sent."""
        with self.errors.translated("abort the upload of", upload.key):
            self.client.abort_multipart_upload(**self._named(upload))

    def abort_old(self, prefix: str, before: datetime) -> int:
        """Abort uploads that were begun before then; how many there were."""
        old = [upload for upload in self.begun(prefix) if upload.begun_at < before]
        for upload in old:
            self.abort(upload)
        return len(old)

    def _named(self, upload: Begun) -> dict[str, Any]:
        return {"Bucket": self.errors.bucket, "Key": upload.key, "UploadId": upload.store_id}
