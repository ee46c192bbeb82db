"""The lifecycle of objects: what the store removes by itself, by rules that we give its bucket.

Belongs here: our rules beside those of others. Does not belong here: chunks, which are kept by when
they were last used, and what deleted items leave; the store cannot know either.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.storage.keys import WORK_PREFIX
from montage_pipeline.storage.store_errors import StoreErrors

_OURS = "montage-"
"""What the names of our rules begin with; all others are left as they are."""

_UNFINISHED_DAYS = 2
"""Uploads in parts that nobody will end: a link for one lives for hours."""


def rules(work_days: int) -> list[dict[str, Any]]:
    """Our rules, as the S3 API has them; `work_days` is 0 for ever."""
    unfinished = {
        "ID": f"{_OURS}unfinished-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _UNFINISHED_DAYS},
    }
    work = {
        "ID": f"{_OURS}work",
        "Status": "Enabled",
        "Filter": {"Prefix": WORK_PREFIX},
        "Expiration": {"Days": work_days},
    }
    return [unfinished, work] if work_days else [unfinished]


class Lifecycle:
    """The rules of one bucket."""

    def __init__(self, client: Any, errors: StoreErrors, bucket: str) -> None:
        self._client = client
        self._errors = errors
        self._bucket = bucket

    def apply(self, ours: list[dict[str, Any]]) -> None:
        """Have the bucket follow these rules of ours, and those of others that it follows already.

        Raises PermanentError(LIFECYCLE_NOT_SET) when the store takes no rules, or keeps others than
        it was given; MontageError(STORE_UNAVAILABLE) while it is away, and PermanentError
        (STORE_REFUSED) when there is no such bucket: neither says anything of rules.
        """
        with self._told("read"):
            others = [rule for rule in self._current() if not rule.get("ID", "").startswith(_OURS)]
        with self._told("set"):
            self._client.put_bucket_lifecycle_configuration(
                Bucket=self._bucket, LifecycleConfiguration={"Rules": others + ours}
            )
        with self._told("read back"):
            kept = {rule.get("ID") for rule in self._current()}
        if missing := sorted(str(rule["ID"]) for rule in ours if rule["ID"] not in kept):
            raise self._not_set(f"the store took the rules and did not keep {', '.join(missing)}")

    def _current(self) -> list[dict[str, Any]]:
        from botocore.exceptions import ClientError

        try:
            answer = self._client.get_bucket_lifecycle_configuration(Bucket=self._bucket)
        except ClientError as error:
            if error.response["Error"].get("Code") == "NoSuchLifecycleConfiguration":
                return []
            raise
        return list(answer.get("Rules", []))

    @contextmanager
    def _told(self, verb: str) -> Iterator[None]:
        try:
            with self._errors.translated(f"{verb} the lifecycle rules of"):
                yield
        except MontageError as error:
            if error.retryable or error.details.get("store_code") == "NoSuchBucket":
                raise
            raise self._not_set(str(error)) from error

    def _not_set(self, reason: str) -> PermanentError:
        return PermanentError(
            ErrorCode.LIFECYCLE_NOT_SET,
            f"bucket {self._bucket} has no lifecycle rules of ours: {reason}",
            bucket=self._bucket,
        )
