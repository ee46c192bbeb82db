"""The store follows our rules beside those of others, and says so when it does not."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.storage.lifecycle import Lifecycle, rules
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline.storage.store_errors import StoreErrors


def test_our_rules_replace_our_older_ones_and_leave_those_of_others(
    object_store: ObjectStore,
) -> None:
    client = object_store.lifecycle._client
    theirs = {
        "ID": "audit",
        "Status": "Enabled",
        "Filter": {"Prefix": "audit/"},
        "Expiration": {"Days": 400},
    }
    client.put_bucket_lifecycle_configuration(
        Bucket=object_store.bucket, LifecycleConfiguration={"Rules": [theirs]}
    )
    object_store.lifecycle.apply(rules(30))
    object_store.lifecycle.apply(rules(90))
    kept = _rules(client, object_store.bucket)
    assert kept["audit"]["Expiration"]["Days"] == 400
    assert kept["montage-work"]["Filter"] == {"Prefix": "work/"}
    assert kept["montage-work"]["Expiration"]["Days"] == 90

    # Kept for ever again: the rule is gone, not only its number.
    object_store.lifecycle.apply(rules(0))
    assert "montage-work" not in _rules(client, object_store.bucket)


def _rules(client: Any, bucket: str) -> dict[str, Any]:
    answer = client.get_bucket_lifecycle_configuration(Bucket=bucket)
    return {rule["ID"]: rule for rule in answer["Rules"]}


class _Forgetful:
    """A client of a store that takes every rule and keeps none, as some do."""

    def get_bucket_lifecycle_configuration(self, **_: Any) -> dict[str, Any]:
        return {"Rules": []}

    def put_bucket_lifecycle_configuration(self, **_: Any) -> None:
        pass


def test_a_store_that_keeps_no_rules_is_found_out() -> None:
    lifecycle = Lifecycle(_Forgetful(), StoreErrors("b"), "b")
    with pytest.raises(PermanentError, match="did not keep montage-unfinished-uploads") as caught:
        lifecycle.apply(rules(0))
    assert caught.value.code is ErrorCode.LIFECYCLE_NOT_SET


class _Answering:
    """A client that gets this for an answer."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def get_bucket_lifecycle_configuration(self, **_: Any) -> dict[str, Any]:
        raise self._error


def _answer(status: int, code: str) -> ClientError:
    metadata: Any = {"HTTPStatusCode": status}
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": metadata}, "Get")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), ErrorCode.STORE_UNAVAILABLE),
        (_answer(503, "SlowDown"), ErrorCode.STORE_UNAVAILABLE),
        (_answer(404, "NoSuchBucket"), ErrorCode.STORE_REFUSED),
        (_answer(403, "AccessDenied"), ErrorCode.LIFECYCLE_NOT_SET),
        (_answer(501, "NotImplemented"), ErrorCode.LIFECYCLE_NOT_SET),
    ],
    ids=lambda value: value.value if isinstance(value, ErrorCode) else type(value).__name__,
)
def test_the_remedy_is_that_of_what_is_wrong(error: Exception, code: ErrorCode) -> None:
    """Rules are no matter where the store is away, or where there is no bucket."""
    lifecycle = Lifecycle(_Answering(error), StoreErrors("b"), "b")
    with pytest.raises(MontageError) as caught:
        lifecycle.apply(rules(0))
    assert caught.value.code is code
