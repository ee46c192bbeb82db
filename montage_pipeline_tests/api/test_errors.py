"""How exceptions of the rooms below become answers, by what the registry says of their code."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.exceptions import HTTPException

from montage_pipeline.api.errors import ApiError, install_error_handlers
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError


def answer_to(error: Exception) -> Any:
    """What an application answers whose only route raises `error`."""
    app = FastAPI()
    install_error_handlers(app)

    @app.get("/")
    def fail() -> None:
        raise error

    with TestClient(app, raise_server_exceptions=False) as http:
        return http.get("/")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (PermanentError(ErrorCode.NOT_FOUND, "There is no such item."), 404),
        (PermanentError(ErrorCode.ALREADY_GENERATING, "Wait until it is done."), 409),
        (ApiError(ErrorCode.UNAUTHENTICATED, "Send a token."), 401),
        (ApiError(ErrorCode.NOT_READY, "The database does not answer."), 503),
    ],
)
def test_the_status_is_the_codes(error: PermanentError | ApiError, status: int) -> None:
    answer = answer_to(error)
    assert answer.status_code == status
    assert answer.json() == {"error": {"code": error.code, "message": error.message, "details": {}}}


@pytest.mark.parametrize("code", [ErrorCode.STORE_UNAVAILABLE, ErrorCode.LEDGER_CONFLICT])
def test_what_may_pass_is_an_outage_whose_details_stay_here(code: ErrorCode) -> None:
    answer = answer_to(MontageError(code, "no answer from 10.0.0.7", host="10.0.0.7"))
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == code
    assert int(answer.headers["Retry-After"]) > 0
    assert "10.0.0.7" not in answer.text


def test_a_permanent_error_that_is_not_for_callers_is_unexpected() -> None:
    answer = answer_to(PermanentError(ErrorCode.STORE_REFUSED, "the key of the store is wrong"))
    assert answer.status_code == 500
    assert "key of the store" not in answer.text


def test_wishes_that_contradict_each_other_name_their_fields() -> None:
    problem = {"code": ErrorCode.MUST_USE_UNKNOWN, "option": "must_use", "message": "is not a clip"}
    answer = answer_to(PermanentError(ErrorCode.MUST_USE_UNKNOWN, "no", problems=[problem]))
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "must_use_unknown")
    assert answer.json()["error"]["details"] == {
        "errors": [{"field": "mustUse", "message": "is not a clip"}]
    }


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "bad_request"),
        (405, "method_not_allowed"),
        (413, "request_too_large"),
        (418, "bad_request"),
        (507, "internal_error"),
    ],
)
def test_what_the_framework_refuses_has_a_registered_code(status: int, code: str) -> None:
    answer = answer_to(HTTPException(status))
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
