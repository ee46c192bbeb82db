"""Who asks: bearer tokens (JWT), signed with a shared secret (HS256) or a key of a JWKS (RS256,
ES256).

A token needs `exp` and a `sub` that is the user's UUID; `aud` and `iss` are checked when they are
configured.

Belongs here: checking and issuing tokens, and the row that a user needs. Does not belong here: how
a route asks for its user (`current_user`).
"""

import threading
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import jwt

from montage_pipeline.api.errors import RETRY_AFTER_OUTAGE_S, ApiError
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.logs import get_logger
from montage_pipeline.records import Record
from montage_pipeline.requests.library import ContentLibrary
from montage_pipeline.requests.model import MAX_EMAIL_CHARS
from montage_pipeline.settings import Settings

log = get_logger(__name__)

MIN_SECRET_BYTES = 32
"""RFC 7518: a key for HS256 is at least as long as its hash."""

CLOCK_SKEW_S = 10
"""How far the issuer's clock may be off."""

JWKS_TIMEOUT_S = 5.0
"""A request waits while the keys are fetched."""

_JWKS_ALGORITHMS = ["RS256", "ES256"]
_MAX_KNOWN_USERS = 10_000
"""Ids kept in memory, about 2 MB; a forgotten one costs one query."""


class User(Record):
    """Who asks. `email` is empty when the token has none."""

    id: UUID
    email: str


class Authenticator:
    """Checks tokens as the settings say. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        """Raises PermanentError when tokens could not be checked safely: the service must not
        start.
        """
        self._audience = settings.jwt_audience or None
        self._issuer = settings.jwt_issuer or None
        if settings.jwt_secret.get_secret_value() and settings.jwt_jwks_url:
            raise PermanentError(
                ErrorCode.JWT_AMBIGUOUS,
                "MONTAGE_JWT_SECRET and MONTAGE_JWT_JWKS_URL are both set; tokens are checked in "
                "one way: unset one.",
            )
        self._jwks = _jwks_client(settings.jwt_jwks_url) if settings.jwt_jwks_url else None
        self._secret = b"" if self._jwks else _secret(settings)

    def authenticate(self, token: str) -> User:
        """The token's user.

        Raises ApiError 401 when it is not valid, 503 when the JWKS cannot be had.
        """
        try:
            if self._jwks is None:
                claims = self._decode(token, self._secret, ["HS256"])
            else:
                claims = self._decode(token, self._signing_key(self._jwks, token), _JWKS_ALGORITHMS)
        except jwt.ExpiredSignatureError:
            raise unauthenticated(
                ErrorCode.TOKEN_EXPIRED, "The token has expired; get a new one."
            ) from None
        except jwt.PyJWTError as error:
            raise unauthenticated(
                ErrorCode.INVALID_TOKEN, f"The token is not valid: {error}."
            ) from None
        return User(id=_user_id(claims["sub"]), email=_email(claims.get("email")))

    def _decode(self, token: str, key: bytes | jwt.PyJWK, algorithms: list[str]) -> dict[str, Any]:
        options: jwt.types.Options = {
            "require": ["exp", "sub"],
            "verify_aud": self._audience is not None,
        }
        return jwt.decode(
            token,
            key,
            algorithms=algorithms,
            audience=self._audience,
            issuer=self._issuer,
            leeway=CLOCK_SKEW_S,
            options=options,
        )

    @staticmethod
    def _signing_key(client: jwt.PyJWKClient, token: str) -> jwt.PyJWK:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in _JWKS_ALGORITHMS:
            raise jwt.InvalidAlgorithmError(
                f"its algorithm must be one of {', '.join(_JWKS_ALGORITHMS)}"
            )
        key_id = header.get("kid")
        if not isinstance(key_id, str):
            raise jwt.InvalidTokenError("its header names no key (kid)")
        try:
            client.get_signing_keys()
        except (jwt.PyJWTError, ValueError) as error:
            log.error("jwks_unavailable", error=str(error))
            raise ApiError(
                ErrorCode.JWKS_UNAVAILABLE,
                "The keys that tokens are checked with cannot be fetched; try again.",
                headers={"Retry-After": str(RETRY_AFTER_OUTAGE_S)},
            ) from None
        return client.get_signing_key(key_id)


class KnownUsers:
    """Sees to it that a user has a row, asking the database once per user and process."""

    def __init__(self, library: ContentLibrary) -> None:
        self._library = library
        self._known: OrderedDict[UUID, None] = OrderedDict()
        self._lock = threading.Lock()

    def ensure(self, user: User) -> None:
        """Create the user's row unless there is one."""
        with self._lock:
            if user.id in self._known:
                self._known.move_to_end(user.id)
                return
        self._library.ensure_user(user.id, user.email)
        with self._lock:
            self._known[user.id] = None
            if len(self._known) > _MAX_KNOWN_USERS:
                self._known.popitem(last=False)


def issue_token(settings: Settings, user_id: UUID, *, email: str = "", ttl_s: float) -> str:
    """A token signed with MONTAGE_JWT_SECRET that `Authenticator` accepts for `ttl_s` seconds.

    Raises PermanentError when tokens are checked by a JWKS: then only its owner can issue them.
    """
    if settings.jwt_jwks_url:
        raise PermanentError(
            ErrorCode.JWT_FOREIGN_ISSUER,
            "Tokens are checked against MONTAGE_JWT_JWKS_URL; get one from that identity provider.",
        )
    now = datetime.now(UTC)
    claims: dict[str, Any] = {
        "sub": str(user_id),
        "iat": now,
        "exp": now + timedelta(seconds=ttl_s),
    }
    if email:
        claims["email"] = email
    if settings.jwt_audience:
        claims["aud"] = settings.jwt_audience
    if settings.jwt_issuer:
        claims["iss"] = settings.jwt_issuer
    return jwt.encode(claims, _secret(settings), algorithm="HS256")


def unauthenticated(code: ErrorCode, message: str) -> ApiError:
    """401 with the challenge that RFC 6750 asks for."""
    challenge = "Bearer" if code is ErrorCode.UNAUTHENTICATED else 'Bearer error="invalid_token"'
    return ApiError(code, message, headers={"WWW-Authenticate": challenge})


def _user_id(subject: str) -> UUID:
    try:
        user_id = UUID(subject)
    except ValueError:
        user_id = None
    # UUID() also takes braces, urn: and no dashes; one spelling per user is enough.
    if user_id is None or str(user_id) != subject.lower():
        raise unauthenticated(
            ErrorCode.INVALID_TOKEN, "The token is not valid: its sub is not a UUID."
        )
    return user_id


def _email(claim: object) -> str:
    """The claim, or an empty text where it cannot be an address."""
    usable = isinstance(claim, str) and len(claim) <= MAX_EMAIL_CHARS and claim.isprintable()
    return str(claim) if usable else ""


def _secret(settings: Settings) -> bytes:
    secret = settings.jwt_secret.get_secret_value().encode()
    if not secret:
        raise PermanentError(
            ErrorCode.JWT_NOT_CONFIGURED,
            f"Set MONTAGE_JWT_SECRET ({MIN_SECRET_BYTES} random bytes or more) or "
            "MONTAGE_JWT_JWKS_URL: tokens cannot be checked without one of them.",
        )
    if len(secret) < MIN_SECRET_BYTES:
        raise PermanentError(
            ErrorCode.JWT_SECRET_TOO_SHORT,
            f"MONTAGE_JWT_SECRET has {len(secret)} bytes; HS256 needs {MIN_SECRET_BYTES} or more, "
            "or the secret can be guessed and tokens forged.",
        )
    return secret


def _jwks_client(url: str) -> jwt.PyJWKClient:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (
        parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    ):
        raise PermanentError(
            ErrorCode.JWKS_URL_INSECURE,
            f"MONTAGE_JWT_JWKS_URL must use https:// (http:// only on this machine), not {url!r}.",
        )
    return jwt.PyJWKClient(url, timeout=JWKS_TIMEOUT_S)
