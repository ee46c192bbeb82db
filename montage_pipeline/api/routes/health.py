"""Probes: is the process alive, and can it do its work."""

from typing import Literal

from fastapi import APIRouter

from montage_pipeline.api.errors import ApiError, ErrorEnvelope
from montage_pipeline.api.schemas.base import ApiModel
from montage_pipeline.api.services import ServicesNeeded
from montage_pipeline.errors import ErrorCode

router = APIRouter(tags=["probes"])


class AliveOut(ApiModel):
    """The process answers."""

    status: Literal["ok"]


class CheckOut(ApiModel):
    """How one dependency answered."""

    problem: str | None
    seconds: float


class ReadyOut(ApiModel):
    """Everything the API leans on answers."""

    status: Literal["ready"]
    checks: dict[str, CheckOut]


@router.get("/healthz", operation_id="isAlive", summary="Is the process alive")
async def is_alive() -> AliveOut:
    """Asks nothing of anything else: a database that is down is no reason to restart the API."""
    return AliveOut(status="ok")


@router.get(
    "/readyz",
    operation_id="isReady",
    summary="Can it do its work",
    responses={
        503: {
            "model": ErrorEnvelope,
            "description": "`not_ready`; `details.checks` says what does not answer.",
        }
    },
)
def is_ready(services: ServicesNeeded) -> ReadyOut:
    """The database answers with the schema this version needs, and so does the object store."""
    results = services.readiness.check()
    checks = {
        result.name: CheckOut(problem=result.problem, seconds=result.seconds) for result in results
    }
    failed = [f"{result.name} ({result.problem})" for result in results if result.problem]
    if failed:
        details = {"checks": {name: check.model_dump() for name, check in checks.items()}}
        raise ApiError(ErrorCode.NOT_READY, f"Not ready: {', '.join(failed)}.", details=details)
    return ReadyOut(status="ready", checks=checks)
