"""The IO manager: documents as JSON in the object store.

What a step hands on lies in the object store, so any machine can run any step, and a step can be
run again from its inputs long after the run that made them.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any
from uuid import UUID

import dagster as dg
from dagster import DagsterInvariantViolationError

from montage_pipeline.composition import Services
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.orchestration.attempts import Attempt, attempt_of, claim, requested
from montage_pipeline.orchestration.failures import translated
from montage_pipeline.orchestration.lease import hold
from montage_pipeline.records import Record, read_document
from montage_pipeline.requests.plans import note_plan
from montage_pipeline.storage.keys import document_key
from montage_pipeline.vocabulary import Step


def store_document(services: Services, request_id: UUID | str, asset: str, value: Record) -> str:
    """Write an asset's value in one PUT: it is there whole or not at all. Returns its key."""
    key = document_key(request_id, asset)
    services.store.put_bytes(
        key, value.model_dump_json(indent=1).encode(), content_type="application/json"
    )
    return key


class DocumentIOManager(dg.IOManager):
    """Stores a Record as JSON and reads it back as the type the downstream asset names.

    A step that cannot read its input or store its output fails as one whose body fails: at once for
    bad input, after the retries for a fault, with the reason on the item.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def handle_output(self, context: dg.OutputContext, obj: Record) -> None:
        """See `store_document`. With the timeline a plan is whole, and its owner may look at it."""
        attempt = _attempt_of(context)
        with self._step(attempt):
            asset = context.asset_key.path[-1]
            request_id = self._request_of(context.partition_key)
            key = store_document(self._services, request_id, asset, obj)
            if attempt is not None and attempt.step is Step.EDIT_TIMELINE:
                note_plan(self._services.engine, request_id, attempt.run.run_id)
            context.add_output_metadata(_uri(self._services, key))

    def load_input(self, context: dg.InputContext) -> Record:
        """Read the upstream value; a missing one fails at once and names what to materialise."""
        attempt = _attempt_of(context)
        with self._step(attempt):
            if attempt is not None:
                # The step's inputs come before its body: a failure here needs the request too.
                request = requested(attempt, self._services)
                tracked = claim(attempt, self._services, request)
                hold(attempt, self._services, request, tracked=tracked)
            return self._read(context)

    def _read(self, context: dg.InputContext) -> Record:
        asset = context.asset_key.path[-1]
        key = document_key(self._request_of(context.partition_key), asset)
        if self._services.store.head(key) is None:
            raise PermanentError(
                ErrorCode.MISSING_INPUT,
                f"{key} is not in the object store. Materialise {asset} for this partition first.",
            )
        kind: Any = context.dagster_type.typing_type
        value = read_document(kind, self._services.store.get_bytes(key), asset)
        assert isinstance(value, Record)
        return value

    def _request_of(self, partition: str) -> UUID:
        request = self._services.requests.of_partition(partition)
        if request is None:
            raise PermanentError(
                ErrorCode.MISSING_INPUT, f"There is no montage request with the key {partition!r}."
            )
        return request.id

    def _step(self, attempt: Attempt | None) -> AbstractContextManager[None]:
        return nullcontext() if attempt is None else translated(attempt, self._services)


def _attempt_of(context: dg.InputContext | dg.OutputContext) -> Attempt | None:
    """None outside a run: a person may load an asset's value in a notebook."""
    try:
        return attempt_of(context.step_context)
    except DagsterInvariantViolationError:
        return None


def _uri(services: Services, key: str) -> dict[str, str]:
    return {"dagster/uri": f"s3://{services.store.bucket}/{key}"}
