"""Every answer that is not a success, in one shape: `{"error": {"code", "message", "details"}}`.

Belongs here: the shape, and how exceptions of the rooms below become answers. Does not belong here:
checks of input; those raise `ApiError` or `validation_error` where they are made. Which status a
code is answered with stands in the registry (`error_codes`).
"""

import re
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

from montage_pipeline.api.schemas.base import ApiModel
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.logs import get_logger

log = get_logger(__name__)

RETRY_AFTER_OUTAGE_S = 5
"""Short enough for a person who waits, long enough for a pool to recover."""

_MAX_LISTED_PROBLEMS = 3
"""Problems in the sentence for people."""

_MAX_TOLD_PROBLEMS = 20
"""Problems in `details.errors`: nobody mends more at a time, and an answer must not grow with the
request.
"""

_MAX_FIELD_CHARS = 200
_MAX_MESSAGE_CHARS = 500
"""A field that is not known may have any name, and messages may quote what was sent."""

_FRAMEWORK_CODES = {
    code.status: code
    for code in (
        ErrorCode.BAD_REQUEST,
        ErrorCode.NOT_FOUND,
        ErrorCode.METHOD_NOT_ALLOWED,
        ErrorCode.REQUEST_TOO_LARGE,
    )
}
"""What FastAPI and the request frame refuse by status alone."""

_FRAMEWORK_MESSAGES = {
    ErrorCode.NOT_FOUND: "There is nothing at this path.",
    ErrorCode.METHOD_NOT_ALLOWED: (
        "This path does not answer this method; the Allow header names those it does."
    ),
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
        code: ErrorCode,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = dict(details or {})
        self.headers = dict(headers or {})


class FieldProblem(ApiModel):
    """One thing wrong with one field of a request; `field` is a dotted path, `clipUrls.2`."""

    field: str
    message: str


def validation_error(
    problems: Sequence[FieldProblem], code: ErrorCode = ErrorCode.VALIDATION_ERROR
) -> ApiError:
    """422 naming the fields that are wrong, and in `details.more` how many others are."""
    told = [problem.model_dump(by_alias=True) for problem in problems[:_MAX_TOLD_PROBLEMS]]
    details: dict[str, Any] = {"errors": told}
    if len(problems) > len(told):
        details["more"] = len(problems) - len(told)
    listed = [f"{problem.field}: {problem.message}" for problem in problems[:_MAX_LISTED_PROBLEMS]]
    more = " …" if len(problems) > _MAX_LISTED_PROBLEMS else ""
    return ApiError(
        code,
        "; ".join(listed) + more,
        details=details,
    )


def unparsable_body(message: str) -> JSONResponse:
    """422 for a body that is no JSON of ours."""
    problem = validation_error([FieldProblem(field="body", message=message)])
    return error_response(problem.code, problem.message, problem.details)


def impossible_wishes(error: PermanentError) -> ApiError:
    """422 for wishes that contradict each other or the clips, with the first contradiction's code
    and every field at fault.
    """
    problems = [
        FieldProblem(field=to_camel(problem["option"]), message=problem["message"])
        for problem in error.details["problems"]
    ]
    return validation_error(problems, error.code)


def error_response(
    code: ErrorCode,
    message: str,
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The envelope as an answer, with the status of the code."""
    content = {"error": {"code": code, "message": message, "details": dict(details or {})}}
    return JSONResponse(content, status_code=_status(code), headers=dict(headers or {}))


def install_error_handlers(app: FastAPI) -> None:
    """Make `app` answer expected failures with the envelope; `RequestFrame` catches the rest."""

    @app.exception_handler(ApiError)
    async def on_api_error(_: Request, exc: ApiError) -> Response:
        return error_response(exc.code, exc.message, exc.details, exc.headers)

    @app.exception_handler(RequestValidationError)
    async def on_invalid_request(request: Request, exc: RequestValidationError) -> Response:
        problems = [_field_problem(error) for error in exc.errors()]
        return await on_api_error(request, validation_error(problems))

    @app.exception_handler(HTTPException)
    async def on_http_exception(request: Request, exc: HTTPException) -> Response:
        answer = _framework_refusal(exc)
        if exc.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            # Starlette names the methods of the first route at this path alone.
            answer.headers["Allow"] = ", ".join(_methods_at(app, request.url.path))
        return answer

    @app.exception_handler(MontageError)
    async def on_montage_error(request: Request, exc: MontageError) -> Response:
        if isinstance(exc, PermanentError) and "problems" in exc.details:
            return await on_api_error(request, impossible_wishes(exc))
        if exc.code.status == HTTPStatus.TOO_MANY_REQUESTS:
            wait_s = str(exc.details.get("retry_after_s", RETRY_AFTER_OUTAGE_S))
            details = jsonable_encoder(exc.details)
            return error_response(exc.code, exc.message, details, {"Retry-After": wait_s})
        if exc.retryable:
            cause = str(exc.__cause__ or "")
            log.warning("request_failed_for_now", code=exc.code, error=exc.message, cause=cause)
            return _unavailable(exc.code, "A service this needs did not answer; try again.")
        if exc.code.status is None:
            raise exc  # Not the caller's fault: an unexpected error.
        return error_response(exc.code, exc.message, jsonable_encoder(exc.details))

    @app.exception_handler(sqlalchemy.exc.OperationalError)
    @app.exception_handler(sqlalchemy.exc.InterfaceError)
    @app.exception_handler(sqlalchemy.exc.TimeoutError)
    async def on_database_outage(_: Request, exc: Exception) -> Response:
        log.error("database_unavailable", error=str(exc).splitlines()[0])
        return _unavailable(
            ErrorCode.DATABASE_UNAVAILABLE, "The database does not answer; try again."
        )


def too_many_requests(wait_s: int) -> JSONResponse:
    """429 for an address that may send the next request in `wait_s` seconds."""
    message = f"Too many requests from your address; wait {wait_s} s."
    headers = {"Retry-After": str(wait_s)}
    return error_response(ErrorCode.RATE_LIMITED, message, headers=headers)


def _methods_at(app: FastAPI, path: str) -> list[str]:
    """The methods of every route at this path."""
    paths = app.openapi()["paths"]
    return sorted(
        method.upper()
        for template, operations in paths.items()
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path)
        for method in operations
    )


def _status(code: ErrorCode) -> int:
    """A code that is not meant for callers is an outage when it may pass, else our fault."""
    return code.status or (500 if code.permanent else 503)


def _framework_refusal(exc: HTTPException) -> Response:
    """The answer for an error that FastAPI or Starlette raised with nothing but a status."""
    if exc.status_code < 400:
        # Not a failure: a dependency that has nothing to send.
        return Response(status_code=exc.status_code, headers=exc.headers)
    fallback = ErrorCode.BAD_REQUEST if exc.status_code < 500 else ErrorCode.INTERNAL_ERROR
    code = _FRAMEWORK_CODES.get(exc.status_code, fallback)
    message = _FRAMEWORK_MESSAGES.get(code, str(exc.detail))
    answer = error_response(code, message, headers=exc.headers)
    answer.status_code = exc.status_code
    return answer


def _unavailable(code: ErrorCode, message: str) -> JSONResponse:
    return error_response(code, message, headers={"Retry-After": str(RETRY_AFTER_OUTAGE_S)})


def _field_problem(error: Mapping[str, Any]) -> FieldProblem:
    """One of pydantic's errors without the input, which may be secret or impossible to encode."""
    kind, location = str(error["type"]), list(error["loc"])
    if kind == "json_invalid":
        message = f"is not JSON: {error['ctx']['error']} at character {location[-1]}"
        return FieldProblem(field="body", message=message)

    if kind == "model_attributes_type" and len(location) == 1:
        message = "must be a JSON object sent with Content-Type: application/json"
        return FieldProblem(field="body", message=message)

    path = ".".join(str(step) for step in location[1:]) or str(location[0])
    message = str(error["msg"]).removeprefix("Value error, ")
    return FieldProblem(field=path[:_MAX_FIELD_CHARS], message=message[:_MAX_MESSAGE_CHARS])


_ERROR_DESCRIPTIONS = {
    400: "The body cannot be read.",
    401: "No valid bearer token.",
    404: "No such content item, or it is not yours.",
    409: "In conflict with what is going on: `already_generating`, or `idempotency_conflict`.",
    413: "The body is larger than the service accepts.",
    422: "Something in the request is wrong; `details.errors` names the fields.",
    429: "Too many requests: `rate_limited`; wait for `Retry-After` seconds.",
    500: "A fault of the service; `details.requestId` finds it in the logs.",
    503: "A service this needs does not answer; try again after `Retry-After` seconds.",
}

_ALWAYS_POSSIBLE = (401, 429, 500, 503)
"""What every route that needs a token can answer."""


def documented_errors(*statuses: int, **descriptions: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route: these statuses, plus those every authenticated route can give.

    `descriptions` override the text of one status: `s409="…"`.
    """
    answers: dict[int | str, dict[str, Any]] = {}
    for status in sorted({*statuses, *_ALWAYS_POSSIBLE}):
        answers[status] = {
            "model": ErrorEnvelope,
            "description": descriptions.get(f"s{status}", _ERROR_DESCRIPTIONS[status]),
        }
        if status == 401:
            answers[status]["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
        if status in {429, 503}:
            answers[status]["headers"] = {
                "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}
            }
    return answers
