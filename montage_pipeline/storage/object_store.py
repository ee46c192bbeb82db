"""`ObjectStore`: the one way to the bucket, over the S3 API (Cloudflare R2 or anything that speaks
it).

Belongs here: reading, writing, signing, and what the store's errors mean.
Does not belong here: which keys the product uses for what (`delivery.py` and the rooms that write
them), and starting a
local store (`local/seaweed.py`).

Errors: `MontageError("store_unavailable")` when trying again may help;
`PermanentError("store_refused")` when it
cannot (credentials, a bucket that is not there); `PermanentError("store_missing")` for a key that
is not there.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.settings import Settings
from montage_pipeline.storage.model import StoredObject

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_s3 import S3Client

IMMUTABLE_CACHE_CONTROL = "public, max-age=31536000, immutable"
"""For keys that carry their content's hash: they never change, so anyone may keep them for a year.
"""

PART_BYTES = 8 * 1024 * 1024
"""Size of every part but the last, and the size from which a file goes up in parts.

R2 refuses unequal parts.
"""

MAX_PRESIGN_S = 604_800
"""R2 signs for at most seven days."""

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
        """`public_base_url` is where the bucket is readable by everybody; without it `media_url`
        signs for `presign_s` seconds.

        Each call is tried `attempts` times on network faults, throttling, the store's own errors,
        and silence of `read_timeout_s`.
        """
        self.bucket = bucket
        self.endpoint_url = endpoint_url
        self._public_base_url = public_base_url.rstrip("/")
        self._presign_s = presign_s
        self._client = _connect(
            endpoint_url, access_key_id, secret_access_key, region, attempts, read_timeout_s
        )

    @classmethod
    def from_settings(cls, settings: Settings) -> ObjectStore:
        """The store that the R2_* variables name.

        Raises PermanentError("store_not_configured") naming each one that is missing.
        """
        secret_access_key = settings.r2_secret_access_key.get_secret_value()
        missing = [
            name
            for name, value in (
                ("R2_ENDPOINT_URL (or R2_ACCOUNT_ID)", settings.r2_endpoint_url),
                ("R2_ACCESS_KEY_ID", settings.r2_access_key_id),
                ("R2_SECRET_ACCESS_KEY", secret_access_key),
                ("R2_BUCKET", settings.r2_bucket),
            )
            if not value
        ]
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
            bucket=settings.r2_bucket,
            region=settings.r2_region,
            public_base_url=settings.r2_public_base_url,
            presign_s=settings.r2_presign_seconds,
        )

    def ensure_bucket(self) -> None:
        """Create the bucket unless it is there."""
        from botocore.exceptions import ClientError

        with self._translated("look for the bucket"):
            try:
                self._client.head_bucket(Bucket=self.bucket)
            except ClientError as error:
                if _status(error) != 404:
                    raise
            else:
                return
        with self._translated("create the bucket"):
            try:
                self._client.create_bucket(Bucket=self.bucket)
            except ClientError as error:
                # Somebody else was quicker: that is what was wanted.
                if error.response["Error"].get("Code") not in {
                    "BucketAlreadyOwnedByYou",
                    "BucketAlreadyExists",
                }:
                    raise

    def put_bytes(
        self, key: str, data: bytes, *, content_type: str, cache_control: str | None = None
    ) -> StoredObject:
        """Write `data` under `key`, whatever was there before."""
        headers = {"CacheControl": cache_control} if cache_control else {}
        with self._translated("write", key):
            answer = self._client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=data,
                ContentType=content_type,
                **headers,  # type: ignore[arg-type]
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
        """Upload a file, in equal parts when it is large, and look that the store has all of it.

        `sha256` (hex) is kept as metadata, so that `put_file_once` can recognise the content later.
        """
        extra: dict[str, Any] = {"ContentType": content_type}
        if cache_control:
            extra["CacheControl"] = cache_control
        if sha256:
            extra["Metadata"] = {_SHA256_METADATA: sha256}
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            with self._translated("write", key):
                self._client.upload_fileobj(
                    file, self.bucket, key, ExtraArgs=extra, Config=_transfer_config()
                )
        stored = self.head(key)
        if stored is None or stored.bytes != size:
            has = "nothing" if stored is None else f"{stored.bytes} bytes"
            raise MontageError(
                ErrorCode.STORE_INCOMPLETE,
                f"uploaded {size} bytes to {self._name(key)}, but the store has {has}",
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
        """Upload a file unless the store already has this very content under `key`; the flag says
        whether bytes went up.
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
        self, source_key: str, key: str, *, content_type: str, cache_control: str, sha256: str
    ) -> StoredObject:
        """Copy inside the bucket, without the bytes passing through here.

        The largest source S3 and R2 take is 5 GB.
        """
        with self._translated("copy", source_key):
            self._client.copy_object(
                Bucket=self.bucket,
                Key=key,
                CopySource={"Bucket": self.bucket, "Key": source_key},
                MetadataDirective="REPLACE",
                Metadata={_SHA256_METADATA: sha256},
                ContentType=content_type,
                CacheControl=cache_control,
            )
        stored = self.head(key)
        if stored is None:
            raise MontageError(
                ErrorCode.STORE_INCOMPLETE,
                f"copied {source_key} to {self._name(key)}, but it is not there",
                bucket=self.bucket,
                key=key,
            )
        return stored

    def get_bytes(self, key: str) -> bytes:
        """The whole object, in memory.

        Raises PermanentError("store_missing") when there is none.
        """
        with self._translated("read", key):
            return self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def download(self, key: str, path: Path) -> None:
        """Fetch an object into `path`, which appears only when whole; the folder is made when it is
        missing.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            with self._translated("read", key):
                self._client.download_file(self.bucket, key, str(part), Config=_transfer_config())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def get_range(self, key: str, start: int, length: int, *, etag: str) -> bytes:
        """`length` bytes of an object from byte `start` on.

        Raises PermanentError("store_changed") when the object is no longer the one with this ETag.
        """
        from botocore.exceptions import ClientError

        with self._translated("read", key):
            try:
                span = f"bytes={start}-{start + length - 1}"
                data = self._client.get_object(
                    Bucket=self.bucket, Key=key, Range=span, IfMatch=f'"{etag}"'
                )["Body"].read()
            except ClientError as error:
                if _status(error) == 412:
                    raise PermanentError(
                        ErrorCode.STORE_CHANGED,
                        f"{self._name(key)} was replaced while it was being read",
                        key=key,
                    ) from error
                raise
        if len(data) != length:
            raise MontageError(
                ErrorCode.STORE_INCOMPLETE,
                f"asked for {length} bytes of {self._name(key)} and got {len(data)}",
                key=key,
            )
        return data

    def head(self, key: str) -> StoredObject | None:
        """What the store says about `key`; None when it is not there."""
        answer = self._head(key)
        return None if answer is None else self._stored(key, answer)

    def stored_sha256(self, key: str) -> str | None:
        """The content's hash (hex) as recorded when it was written here;

        None when absent or never recorded.
        """
        answer = self._head(key)
        return None if answer is None else _recorded_sha256(answer)

    def delete(self, key: str) -> None:
        """Delete an object; one that is not there is deleted already."""
        with self._translated("delete", key):
            self._client.delete_object(Bucket=self.bucket, Key=key)

    def list_keys(self, prefix: str) -> Iterator[str]:
        """Every key that starts with `prefix`, ascending, fetched a thousand at a time as they are
        asked for.
        """
        return (stored.key for stored in self.list_objects(prefix))

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        """Like `list_keys`, with sizes and times.

        The store lists neither content types nor hashes.
        """
        with self._translated("list", prefix):
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

    def media_url(self, key: str) -> str:
        """Where a browser finds the object: below the public base URL, else a presigned GET that
        ends after R2_PRESIGN_SECONDS.
        """
        if self._public_base_url:
            return f"{self._public_base_url}/{quote(key, safe='/~')}"
        with self._translated("sign", key):
            return self._client.generate_presigned_url(
                "get_object", Params={"Bucket": self.bucket, "Key": key}, ExpiresIn=self._presign_s
            )

    def presign_put(
        self, key: str, *, content_type: str, expires_s: int, content_length: int | None = None
    ) -> str:
        """A URL that takes one PUT of `key` for `expires_s` seconds (at most seven days), with just
        this Content-Type.

        With `content_length` (bytes) the store refuses a body of any other length.
        """
        if not 1 <= expires_s <= MAX_PRESIGN_S:
            raise PermanentError(
                ErrorCode.PRESIGN_TOO_LONG,
                f"a presigned URL lives 1 to {MAX_PRESIGN_S} s, not {expires_s} s",
                key=key,
            )
        params: dict[str, Any] = {"Bucket": self.bucket, "Key": key, "ContentType": content_type}
        if content_length is not None:
            params["ContentLength"] = content_length
        with self._translated("sign", key):
            return self._client.generate_presigned_url(
                "put_object", Params=params, ExpiresIn=expires_s
            )

    def _head(self, key: str) -> dict[str, Any] | None:
        from botocore.exceptions import ClientError

        with self._translated("look at", key):
            try:
                return dict(self._client.head_object(Bucket=self.bucket, Key=key))
            except ClientError as error:
                if _status(error) == 404:
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

    def _name(self, key: str) -> str:
        return f"{self.bucket}/{key}" if key else f"bucket {self.bucket}"

    @contextmanager
    def _translated(self, verb: str, key: str = "") -> Iterator[None]:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            raise self._meaning(error, verb, key) from error
        except (BotoCoreError, Boto3Error) as error:
            raise MontageError(
                ErrorCode.STORE_UNAVAILABLE,
                f"could not {verb} {self._name(key)} at {self.endpoint_url}: {error}",
                bucket=self.bucket,
                key=key,
            ) from error

    def _meaning(self, error: ClientError, verb: str, key: str) -> MontageError:
        status = _status(error)
        code = str(error.response["Error"].get("Code", ""))
        reason = error.response["Error"].get("Message", "") or code
        facts: dict[str, Any] = {
            "bucket": self.bucket,
            "key": key,
            "status": status,
            "store_code": code,
        }
        said = f"could not {verb} {self._name(key)}: the store answered {status} {code} ({reason})"
        if code == "NoSuchBucket":
            return PermanentError(
                ErrorCode.STORE_REFUSED,
                f"{said}; there is no bucket {self.bucket}: create it or set R2_BUCKET",
                **facts,
            )
        if status == 404:
            return PermanentError(
                ErrorCode.STORE_MISSING, f"{self._name(key)} is not in the object store", **facts
            )
        if status in {401, 403}:
            return PermanentError(
                ErrorCode.STORE_REFUSED,
                f"{said}; check R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY and what the token may do",
                **facts,
            )
        if (
            status in {408, 409, 412, 429}
            or (status >= 500 and status != 501)
            or code in {"RequestTimeout", "ClientDisconnect", "IncompleteBody", "BadDigest"}
        ):
            return MontageError(ErrorCode.STORE_UNAVAILABLE, said, **facts)
        return PermanentError(ErrorCode.STORE_REFUSED, said, **facts)


def _connect(
    endpoint_url: str,
    access_key_id: str,
    secret_access_key: str,
    region: str,
    attempts: int,
    read_timeout_s: float,
) -> S3Client:
    import boto3
    from botocore.config import Config
    from botocore.session import Session

    # AWS_PROFILE and ~/.aws belong to other programs: a profile that is not there must not stop us,
    # nor one that is there change us.
    quiet = Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
        }
    )
    quiet.set_config_variable("credentials_file", os.devnull)
    config = Config(
        # Without s3v4 some regions presign with the old signature, which R2 does not know.
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        # R2 refuses the aws-chunked checksum trailers that boto3 sends unless told "when_required".
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"mode": "standard", "max_attempts": attempts},
        connect_timeout=10,
        read_timeout=read_timeout_s,
    )
    return boto3.Session(botocore_session=quiet).client(
        "s3",
        endpoint_url=endpoint_url,
        region_name=region,
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
        config=config,
    )


def _transfer_config() -> Any:
    from boto3.s3.transfer import TransferConfig

    return TransferConfig(
        multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=4
    )


def _status(error: ClientError) -> int:
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def _recorded_sha256(answer: Mapping[str, Any]) -> str | None:
    sha256: str | None = answer.get("Metadata", {}).get(_SHA256_METADATA)
    return sha256


def _unquoted(etag: str) -> str:
    return etag.strip('"')
