"""`ObjectStore`: the one way to the bucket, over the S3 API.

Belongs here: what can be done with objects. Does not belong here: how the client is set up
(`client`), what its errors mean (`store_errors`), which keys the product uses for what (`keys`).

Every method raises what `store_errors` says.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.settings import Settings
from montage_pipeline.storage.buckets import refuse_open_bucket
from montage_pipeline.storage.client import StoreAccess, connect, transfer_config
from montage_pipeline.storage.lifecycle import Lifecycle
from montage_pipeline.storage.model import StoredObject
from montage_pipeline.storage.multipart import MultipartUploads
from montage_pipeline.storage.signing import MAX_PRESIGN_S, PutHeaders, UrlSigner
from montage_pipeline.storage.store_errors import StoreErrors, http_status, store_code

IMMUTABLE_CACHE_CONTROL = "public, max-age=31536000, immutable"
"""For keys that carry their content's hash: they never change, so anyone may keep them."""

_SHA256_METADATA = "sha256"


class ObjectStore:
    """One bucket.

    Safe to share between threads; make one per process, as the client does not survive a fork.
    """

    def __init__(
        self,
        *,
        endpoint_url: str,
        access_key_id: str,
        secret_access_key: str,
        bucket: str,
        region: str = "auto",
        public_base_url: str = "",
        presign_s: int = MAX_PRESIGN_S,
        attempts: int = 5,
        read_timeout_s: float = 60.0,
    ) -> None:
        """`public_base_url` is where everybody may read the bucket; without it `media_url` signs
        for `presign_s` seconds.

        Each call is tried `attempts` times on network faults, throttling, the store's own errors,
        and silence of `read_timeout_s`.
        """
        self.bucket = bucket
        self.endpoint_url = endpoint_url
        access = StoreAccess(endpoint_url, access_key_id, secret_access_key, region)
        self._client = connect(access, attempts=attempts, read_timeout_s=read_timeout_s)
        self._errors = StoreErrors(bucket)
        self.lifecycle = Lifecycle(self._client, self._errors, bucket)
        self.multipart = MultipartUploads(self._client, self._errors)
        self._signer = UrlSigner(self._client, self._errors, public_base_url.rstrip("/"), presign_s)

    @classmethod
    def from_settings(cls, settings: Settings) -> ObjectStore:
        """The private bucket that the R2_* variables name.

        Raises PermanentError: STORE_NOT_CONFIGURED naming each one that is missing,
        PUBLIC_BUCKET_SHARED when everybody could read it.
        """
        refuse_open_bucket(settings)
        return cls._at(settings, settings.r2_bucket, public_base_url="")

    @classmethod
    def for_reels(cls, settings: Settings) -> ObjectStore:
        """Where finished Reels lie: the public bucket if there is one, else the private one."""
        if not settings.r2_public_bucket:
            return cls.from_settings(settings)
        refuse_open_bucket(settings)
        return cls._at(
            settings, settings.r2_public_bucket, public_base_url=settings.r2_public_base_url
        )

    @classmethod
    def _at(cls, settings: Settings, bucket: str, *, public_base_url: str) -> ObjectStore:
        secret_access_key = settings.r2_secret_access_key.get_secret_value()
        needed = {
            "R2_ENDPOINT_URL (or R2_ACCOUNT_ID)": settings.r2_endpoint_url,
            "R2_ACCESS_KEY_ID": settings.r2_access_key_id,
            "R2_SECRET_ACCESS_KEY": secret_access_key,
            "R2_BUCKET": settings.r2_bucket,
        }
        missing = [name for name, value in needed.items() if not value]
        if missing:
            raise PermanentError(
                ErrorCode.STORE_NOT_CONFIGURED,
                f"the object store needs {', '.join(missing)}: set it in the environment",
                missing=missing,
            )
        return cls(
            endpoint_url=settings.r2_endpoint_url,
            access_key_id=settings.r2_access_key_id,
            secret_access_key=secret_access_key,
            bucket=bucket,
            region=settings.r2_region,
            public_base_url=public_base_url,
            presign_s=settings.r2_presign_seconds,
        )

    def ensure_bucket(self) -> None:
        """Create the bucket unless it is there."""
        from botocore.exceptions import ClientError

        with self._errors.translated("look for the bucket"):
            try:
                self._client.head_bucket(Bucket=self.bucket)
            except ClientError as error:
                if http_status(error) != 404:
                    raise
            else:
                return

        with self._errors.translated("create the bucket"):
            try:
                self._client.create_bucket(Bucket=self.bucket)
            except ClientError as error:
                # Somebody else was quicker: the bucket is there, which is all that was wanted.
                if store_code(error) not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                    raise

    def put_bytes(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str,
        cache_control: str | None = None,
        sha256: str | None = None,
    ) -> StoredObject:
        """Write `data` under `key`, whatever was there before; `sha256` as for `put_file`."""
        headers: dict[str, Any] = {"Metadata": {_SHA256_METADATA: sha256}} if sha256 else {}
        if cache_control:
            headers["CacheControl"] = cache_control
        with self._errors.translated("write", key):
            answer = self._client.put_object(
                Bucket=self.bucket, Key=key, Body=data, ContentType=content_type, **headers
            )
        return StoredObject(
            bucket=self.bucket,
            key=key,
            etag=_unquoted(answer["ETag"]),
            bytes=len(data),
            content_type=content_type,
        )

    def put_file(
        self,
        key: str,
        path: Path,
        *,
        content_type: str,
        cache_control: str | None = None,
        sha256: str | None = None,
    ) -> StoredObject:
        """Upload a file, in equal parts when it is large, and check that the store has all of it.

        `sha256` (hex) is kept as metadata, so that `put_file_once` can recognise the content later.
        """
        extra: dict[str, Any] = {"ContentType": content_type}
        if cache_control:
            extra["CacheControl"] = cache_control
        if sha256:
            extra["Metadata"] = {_SHA256_METADATA: sha256}
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            with self._errors.translated("write", key):
                self._client.upload_fileobj(
                    file, self.bucket, key, ExtraArgs=extra, Config=transfer_config()
                )
        stored = self.head(key)
        if stored is None or stored.bytes != size:
            has = "nothing" if stored is None else f"{stored.bytes} bytes"
            raise MontageError(
                ErrorCode.STORE_INCOMPLETE,
                f"uploaded {size} bytes to {self._errors.shown(key)}, but the store has {has}",
                bucket=self.bucket,
                key=key,
            )
        return stored

    def put_file_once(
        self,
        key: str,
        path: Path,
        *,
        content_type: str,
        cache_control: str | None = None,
        sha256: str,
    ) -> tuple[StoredObject, bool]:
        """Upload a file unless the store has this very content under `key`; the flag says whether
        bytes went up.
        """
        present = self._head(key)
        if (
            present is not None
            and present["ContentLength"] == path.stat().st_size
            and _recorded_sha256(present) == sha256
        ):
            return self._stored(key, present), False
        return self.put_file(
            key, path, content_type=content_type, cache_control=cache_control, sha256=sha256
        ), True

    def copy(
        self,
        source_key: str,
        key: str,
        *,
        content_type: str,
        cache_control: str,
        sha256: str,
        source_bucket: str = "",
    ) -> StoredObject:
        """Copy inside the bucket, or from another one of the same store, without the bytes passing
        through here.

        S3 and R2 copy objects of up to 5 GB.
        """
        with self._errors.translated("copy", source_key):
            self._client.copy_object(
                Bucket=self.bucket,
                Key=key,
                CopySource={"Bucket": source_bucket or self.bucket, "Key": source_key},
                MetadataDirective="REPLACE",
                Metadata={_SHA256_METADATA: sha256},
                ContentType=content_type,
                CacheControl=cache_control,
            )
        stored = self.head(key)
        if stored is None:
            raise MontageError(
                ErrorCode.STORE_INCOMPLETE,
                f"copied {source_key} to {self._errors.shown(key)}, but it is not there",
                bucket=self.bucket,
                key=key,
            )
        return stored

    def get_bytes(self, key: str) -> bytes:
        """The whole object, in memory.

        Raises PermanentError(STORE_MISSING) when there is none.
        """
        with self._errors.translated("read", key):
            return self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def download(self, key: str, path: Path) -> None:
        """Fetch an object into `path`, which appears only when whole; makes missing folders."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            with self._errors.translated("read", key):
                self._client.download_file(self.bucket, key, str(part), Config=transfer_config())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def get_range(self, key: str, start: int, length: int, *, etag: str) -> bytes:
        """`length` bytes of an object from byte `start` on.

        Raises PermanentError(STORE_CHANGED) when the object is no longer the one with this ETag.
        """
        from botocore.exceptions import ClientError

        with self._errors.translated("read", key):
            try:
                answer = self._client.get_object(
                    Bucket=self.bucket,
                    Key=key,
                    Range=f"bytes={start}-{start + length - 1}",
                    IfMatch=f'"{etag}"',
                )
                data = answer["Body"].read()
            except ClientError as error:
                if http_status(error) == 412:
                    raise PermanentError(
                        ErrorCode.STORE_CHANGED,
                        f"{self._errors.shown(key)} was replaced while it was being read",
                        key=key,
                    ) from error
                raise
        if len(data) != length:
            raise MontageError(
                ErrorCode.STORE_INCOMPLETE,
                f"asked for {length} bytes of {self._errors.shown(key)} and got {len(data)}",
                key=key,
            )
        return data

    def head(self, key: str) -> StoredObject | None:
        """What the store says about `key`; None when it is not there."""
        answer = self._head(key)
        return None if answer is None else self._stored(key, answer)

    def stored_sha256(self, key: str) -> str | None:
        """The content's hash (hex) as recorded on writing; None when absent or never recorded."""
        answer = self._head(key)
        return None if answer is None else _recorded_sha256(answer)

    def delete(self, key: str) -> None:
        """Delete an object; one that is not there is deleted already."""
        with self._errors.translated("delete", key):
            self._client.delete_object(Bucket=self.bucket, Key=key)

    def list_keys(self, prefix: str) -> Iterator[str]:
        """Every key that starts with `prefix`, ascending; pages are fetched as they are needed."""
        return (stored.key for stored in self.list_objects(prefix))

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        """Like `list_keys`, with sizes and times.

        The store lists neither content types nor hashes.
        """
        with self._errors.translated("list", prefix):
            for page in self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix
            ):
                for entry in page.get("Contents", []):
                    yield StoredObject(
                        bucket=self.bucket,
                        key=entry["Key"],
                        etag=_unquoted(entry["ETag"]),
                        bytes=entry["Size"],
                        content_type="",
                        modified=entry["LastModified"],
                    )

    def address(self, key: str) -> str:
        """What metadata calls the object, for good: its public URL, or its s3:// address, which
        opens nothing. A link that does is made when somebody asks: `media_url`.
        """
        return self.media_url(key) if self._signer.public_base_url else f"s3://{self.bucket}/{key}"

    def media_url(self, key: str) -> str:
        """Where a browser finds the object: below the public base URL, else a presigned GET that
        ends after R2_PRESIGN_SECONDS.
        """
        return self._signer.media_url(key)

    def presign_put(
        self,
        key: str,
        *,
        headers: PutHeaders,
        expires_s: int,
        content_length: int | None = None,
    ) -> str:
        """A URL that takes PUTs of `key` for `expires_s` seconds (at most seven days), with just
        these headers.

        With `content_length` (bytes) the store refuses a body of any other length.
        """
        return self._signer.presign_put(
            key, headers=headers, expires_s=expires_s, content_length=content_length
        )

    def _head(self, key: str) -> dict[str, Any] | None:
        from botocore.exceptions import ClientError

        with self._errors.translated("look at", key):
            try:
                return dict(self._client.head_object(Bucket=self.bucket, Key=key))
            except ClientError as error:
                if http_status(error) == 404:
                    return None
                raise

    def _stored(self, key: str, answer: Mapping[str, Any]) -> StoredObject:
        return StoredObject(
            bucket=self.bucket,
            key=key,
            etag=_unquoted(answer["ETag"]),
            bytes=answer["ContentLength"],
            content_type=answer.get("ContentType", ""),
            modified=answer.get("LastModified"),
            sha256=_recorded_sha256(answer),
        )


def _recorded_sha256(answer: Mapping[str, Any]) -> str | None:
    sha256: str | None = answer.get("Metadata", {}).get(_SHA256_METADATA)
    return sha256


def _unquoted(etag: str) -> str:
    return etag.strip('"')
