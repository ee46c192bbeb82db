"""What the errors of the S3 client mean to the product.

STORE_UNAVAILABLE when trying again may help; STORE_REFUSED when it cannot (credentials, a bucket
that is not there); STORE_MISSING for a key that is not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_PASSING_STATUSES = {408, 409, 412, 429}
_PASSING_CODES = {"RequestTimeout", "ClientDisconnect", "IncompleteBody", "BadDigest"}
"""What the store blames on the connection or on a race, though the status says our fault."""


@dataclass(frozen=True)
class StoreErrors:
    """Translates the client's errors for one bucket."""

    bucket: str

    def shown(self, key: str) -> str:
        """What messages call the object, or the bucket itself."""
        return f"{self.bucket}/{key}" if key else f"bucket {self.bucket}"

    @contextmanager
    def translated(self, verb: str, key: str = "") -> Iterator[None]:
        """Raise MontageError or PermanentError for what the client raises inside the block."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            raise self._meaning(error, verb, key) from error
        except (BotoCoreError, Boto3Error) as error:
            # Where the store is, is for operators, who see the cause: the message reaches users.
            raise MontageError(
                ErrorCode.STORE_UNAVAILABLE,
                f"could not {verb} {self.shown(key)}: the object store did not answer "
                f"({type(error).__name__})",
                bucket=self.bucket,
                key=key,
            ) from error

    def _meaning(self, error: ClientError, verb: str, key: str) -> MontageError:
        status, code = http_status(error), store_code(error)
        reason = error.response["Error"].get("Message", "") or code
        answer = (
            f"could not {verb} {self.shown(key)}: the store answered {status} {code} ({reason})"
        )
        facts: dict[str, Any] = {
            "bucket": self.bucket,
            "key": key,
            "status": status,
            "store_code": code,
        }

        if code == "NoSuchBucket":
            hint = f"there is no bucket {self.bucket}: create it or set R2_BUCKET"
            return PermanentError(ErrorCode.STORE_REFUSED, f"{answer}; {hint}", **facts)
        if status == 404:
            return PermanentError(
                ErrorCode.STORE_MISSING, f"{self.shown(key)} is not in the object store", **facts
            )
        if status in {401, 403}:
            hint = "check R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY and what the token may do"
            return PermanentError(ErrorCode.STORE_REFUSED, f"{answer}; {hint}", **facts)
        if _may_pass(status, code):
            return MontageError(ErrorCode.STORE_UNAVAILABLE, answer, **facts)
        return PermanentError(ErrorCode.STORE_REFUSED, answer, **facts)


def http_status(error: ClientError) -> int:
    """The HTTP status of the store's answer."""
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def store_code(error: ClientError) -> str:
    """The store's own code, `NoSuchKey` for instance; empty when it gave none."""
    return str(error.response["Error"].get("Code", ""))


def _may_pass(status: int, code: str) -> bool:
    # 501 is "not implemented", which stays so.
    server_fault = status >= 500 and status != 501
    return server_fault or status in _PASSING_STATUSES or code in _PASSING_CODES
