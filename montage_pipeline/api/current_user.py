"""The dependency that turns a request's bearer token into its user."""

from typing import Annotated

import structlog
from fastapi import Depends
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from montage_pipeline.api.auth import User, unauthenticated
from montage_pipeline.api.services import ApiServices, ServicesNeeded
from montage_pipeline.errors import ErrorCode, MontageError

_bearer = HTTPBearer(
    scheme_name="bearerAuth",
    bearerFormat="JWT",
    auto_error=False,
    description="`sub` is the user's UUID.",
)


async def current_user(
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    services: ServicesNeeded,
) -> User:
    """The user of this request, who has a row from here on.

    A coroutine, because what a worker thread binds to the log context does not reach the endpoint.
    """
    if credentials is None:
        raise unauthenticated(
            ErrorCode.UNAUTHENTICATED, "Send a token: Authorization: Bearer <JWT>."
        )
    user = await run_in_threadpool(_authenticate, services, credentials.credentials)
    structlog.contextvars.bind_contextvars(user_id=str(user.id))
    if wait_s := await run_in_threadpool(services.user_limiter.wait_s, user.id):
        raise MontageError(
            ErrorCode.RATE_LIMITED,
            f"You sent too many requests; wait {wait_s} s.",
            retry_after_s=wait_s,
        )
    return user


CurrentUser = Annotated[User, Depends(current_user)]


def _authenticate(services: ApiServices, token: str) -> User:
    user = services.authenticator.authenticate(token)
    services.known_users.ensure(user)
    return user
