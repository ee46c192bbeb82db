"""Every answer that is not a success, in one shape: `{"error": {"code", "message", "details"}}`.

Belongs here: the shape, and how exceptions of the rooms below become status codes.
Does not belong here: checks of input; those raise `ApiError` or `validation_error` where they are
made.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import sqlalchemy.exc
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import Field
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException

from montage_pipeline.api.schemas import ApiModel
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.logs import get_logger

log = get_logger(__name__)

RETRY_AFTER_OUTAGE_S = 5

# Codes the content library raises; any other code from below is our fault, not the caller's.
_STATUS_OF_CODE = {
    "not_found": HTTPStatus.NOT_FOUND,
    "already_generating": HTTPStatus.CONFLICT,
    "idempotency_conflict": HTTPStatus.CONFLICT,
}

_CODE_OF_STATUS = {
    400: "bad_request",
    401: "unauthenticated",
    404: "not_found",
    405: "method_not_allowed",
    413: "request_too_large",
}

_MESSAGE_OF_STATUS = {
    404: "There is nothing at this path.",
    405: "This path does not answer this method; the Allow header names those it does.",
}


class ErrorBody(ApiModel):
    """What went wrong: a stable code for programs, a sentence for people, facts for both."""

    code: str = Field(description="Stable, for programs.")
    message: str = Field(description="One sentence for people: what is wrong and what to do.")
    details: dict[str, Any] = Field(
        description="Facts that belong to the code; `{}` when there are none."
    )


class ErrorEnvelope(ApiModel):
    """The body of every answer that is not a success."""

    error: ErrorBody


class ApiError(Exception):
    """An answer that is not a success, decided by the API itself."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = dict(details or {})
        self.headers = dict(headers or {})


class FieldProblem(ApiModel):
    """One thing wrong with one field of a request; `field` is a dotted path, `clipUrls.2`."""

    field: str
    message: str


def validation_error(problems: Sequence[FieldProblem], code: str = "validation_error") -> ApiError:
    """422 naming every field that is wrong."""
    return ApiError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        code,
        "; ".join(f"{problem.field}: {problem.message}" for problem in problems[:3])
        + (" …" if len(problems) > 3 else ""),
        details={"errors": [problem.model_dump(by_alias=True) for problem in problems]},
    )


def impossible_wishes(error: PermanentError) -> ApiError:
    """422 for wishes that contradict each other or the clips, with the first contradiction's code
    and every field at fault.
    """
    problems = [
        FieldProblem(field=to_camel(one["option"]), message=one["message"])
        for one in error.details["problems"]
    ]
    return validation_error(problems, error.code)


def error_response(
    status: int,
    code: str,
    message: str,
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The envelope as an answer."""
    content = {"error": {"code": code, "message": message, "details": dict(details or {})}}
    return JSONResponse(content, status_code=status, headers=dict(headers or {}))


def install_error_handlers(app: FastAPI) -> None:
    """Make `app` answer every expected failure with the envelope; the rest is caught by
    `RequestFrame`.
    """

    @app.exception_handler(ApiError)
    async def on_api_error(_: Request, exc: ApiError) -> Response:
        return error_response(exc.status, exc.code, exc.message, exc.details, exc.headers)

    @app.exception_handler(RequestValidationError)
    async def on_invalid_request(request: Request, exc: RequestValidationError) -> Response:
        return await on_api_error(
            request, validation_error([_field_problem(error) for error in exc.errors()])
        )

    @app.exception_handler(HTTPException)
    async def on_http_exception(_: Request, exc: HTTPException) -> Response:
        code = _CODE_OF_STATUS.get(exc.status_code, HTTPStatus(exc.status_code).name.lower())
        return error_response(
            exc.status_code,
            code,
            _MESSAGE_OF_STATUS.get(exc.status_code, str(exc.detail)),
            headers=exc.headers,
        )

    @app.exception_handler(MontageError)
    async def on_montage_error(request: Request, exc: MontageError) -> Response:
        if isinstance(exc, PermanentError) and "problems" in exc.details:
            return await on_api_error(request, impossible_wishes(exc))
        status = _STATUS_OF_CODE.get(exc.code)
        if status is not None:
            return error_response(status, exc.code, exc.message, jsonable_encoder(exc.details))
        if exc.retryable:
            log.warning("request_failed_for_now", code=exc.code, error=exc.message)
            return _unavailable(exc.code, "A service this needs did not answer; try again.")
        raise exc

    @app.exception_handler(sqlalchemy.exc.OperationalError)
    @app.exception_handler(sqlalchemy.exc.InterfaceError)
    @app.exception_handler(sqlalchemy.exc.TimeoutError)
    async def on_database_outage(_: Request, exc: Exception) -> Response:
        log.error("database_unavailable", error=str(exc).splitlines()[0])
        return _unavailable(
            ErrorCode.DATABASE_UNAVAILABLE, "The database does not answer; try again."
        )


def _unavailable(code: str, message: str) -> JSONResponse:
    return error_response(
        HTTPStatus.SERVICE_UNAVAILABLE,
        code,
        message,
        headers={"Retry-After": str(RETRY_AFTER_OUTAGE_S)},
    )


def _field_problem(error: Mapping[str, Any]) -> FieldProblem:
    """One of pydantic's errors without the input, which may be secret or impossible to encode."""
    kind, location = str(error["type"]), list(error["loc"])
    if kind == "json_invalid":
        return FieldProblem(
            field="body",
            message=f"is not JSON: {error['ctx']['error']} at character {location[-1]}",
        )
    if kind == "model_attributes_type" and len(location) == 1:
        return FieldProblem(
            field="body", message="must be a JSON object sent with Content-Type: application/json"
        )
    path = ".".join(str(part) for part in location[1:]) or str(location[0])
    return FieldProblem(field=path, message=str(error["msg"]).removeprefix("Value error, "))


_ERROR_DESCRIPTIONS = {
    400: "The body cannot be read.",
    401: "No valid bearer token.",
    404: "No such content item, or it is not yours.",
    409: "In conflict with what is going on: `already_generating`, or `idempotency_conflict`.",
    413: "The body is larger than the service accepts.",
    422: "Something in the request is wrong; `details.errors` names each field.",
    500: "A fault of the service; `details.requestId` finds it in the logs.",
    503: "A service this needs does not answer; try again after `Retry-After` seconds.",
}


def documented_errors(*statuses: int, **descriptions: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route: these statuses, plus those every authenticated route can give.

    `descriptions` override the text of one status: `s409="…"`.
    """
    answers: dict[int | str, dict[str, Any]] = {}
    for status in sorted({*statuses, 401, 500, 503}):
        answers[status] = {
            "model": ErrorEnvelope,
            "description": descriptions.get(f"s{status}", _ERROR_DESCRIPTIONS[status]),
        }
        if status == 401:
            answers[status]["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
        if status == 503:
            answers[status]["headers"] = {
                "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}
            }
    return answers
