"""Who gets in, with a secret and with a JWKS, and how everybody else is answered."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fastapi.testclient import TestClient
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from pydantic import SecretStr
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from montage_pipeline.api.app import create_app
from montage_pipeline.api.auth import Authenticator, issue_token
from montage_pipeline.api.errors import ApiError
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.requests.tables import UserRow
from montage_pipeline.settings import Settings
from montage_pipeline_tests.api.conftest import SECRET
from montage_pipeline_tests.api.contract import check_contract

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_SECRET = "another-secret-with-more-than-32-bytes"


def claims(**changes: Any) -> dict[str, Any]:
    given = {"sub": str(uuid4()), "exp": int(time.time()) + 600, **changes}
    return {name: value for name, value in given.items() if value is not None}


def ask(http: TestClient, authorization: str | None) -> Any:
    answer = http.get(
        "/api/content-items",
        headers={} if authorization is None else {"Authorization": authorization},
    )
    check_contract(http.app.openapi(), "GET", "/api/content-items", answer)  # type: ignore[attr-defined]
    return answer


def hs256(**changes: Any) -> str:
    return jwt.encode(claims(**changes), SECRET, algorithm="HS256")


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "unauthenticated"),
        ("", "unauthenticated"),
        ("Bearer", "unauthenticated"),
        (f"Basic {hs256()}", "unauthenticated"),
        ("Bearer nonsense", "invalid_token"),
        ("Bearer a.b.c", "invalid_token"),
        (f"Bearer {hs256()[:-4]}AAAA", "invalid_token"),
        (f"Bearer {jwt.encode(claims(), OTHER_SECRET, algorithm='HS256')}", "invalid_token"),
        (f"Bearer {jwt.encode(claims(), SECRET, algorithm='HS512')}", "invalid_token"),
        (f"Bearer {jwt.encode(claims(), RSA_KEY, algorithm='RS256')}", "invalid_token"),
        (f"Bearer {jwt.encode(claims(), '', algorithm='none')}", "invalid_token"),
        (f"Bearer {hs256(exp=int(time.time()) - 60)}", "token_expired"),
        (f"Bearer {hs256(exp=None)}", "invalid_token"),
        (f"Bearer {hs256(exp='soon')}", "invalid_token"),
        (f"Bearer {hs256(nbf=int(time.time()) + 600)}", "invalid_token"),
        (f"Bearer {hs256(sub=None)}", "invalid_token"),
        (f"Bearer {hs256(sub='alice')}", "invalid_token"),
        (f"Bearer {hs256(sub='{' + str(uuid4()) + '}')}", "invalid_token"),
    ],
)
def test_no_way_in(authorization: str | None, code: str, http: TestClient) -> None:
    answer = ask(http, authorization)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_every_route_but_the_probes_asks_for_a_token(http: TestClient) -> None:
    document = http.app.openapi()  # type: ignore[attr-defined]
    open_paths = set()
    for path, operations in document["paths"].items():
        for method in operations:
            answer = http.request(
                method,
                path.replace("{contentItemId}", str(uuid4())),
                json={} if method == "post" else None,
            )
            if answer.status_code != 401:
                open_paths.add(path)
    assert open_paths == {"/healthz", "/readyz"}


def test_the_first_request_makes_the_users_row(
    http: TestClient, api_settings: Settings, engine: Engine
) -> None:
    user_id = uuid4()
    token = issue_token(api_settings, user_id, email="ada@example.com", ttl_s=60)
    for _ in range(2):
        assert ask(http, f"bearer {token}").status_code == 200
    with Session(engine) as session:
        row = session.get(UserRow, user_id)
        assert row is not None
        assert row.email == "ada@example.com"
    odd = hs256(email=["not", "text"])
    assert ask(http, f"Bearer {odd}").status_code == 200


def test_audience_and_issuer_count_when_they_are_set(api_settings: Settings) -> None:
    assert Authenticator(api_settings).authenticate(hs256(aud="anyone", iss="anyone"))
    strict = api_settings.model_copy(
        update={"jwt_audience": "montage", "jwt_issuer": "https://id.example"}
    )
    user_id = uuid4()
    assert Authenticator(strict).authenticate(issue_token(strict, user_id, ttl_s=60)).id == user_id
    for wrong in (
        {},
        {"aud": "montage"},
        {"iss": "https://id.example"},
        {"aud": "other", "iss": "https://id.example"},
    ):
        with pytest.raises(ApiError, match="not valid") as refused:
            Authenticator(strict).authenticate(hs256(**wrong))
        assert refused.value.code is ErrorCode.INVALID_TOKEN


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"jwt_secret": SecretStr("")}, "jwt_not_configured"),
        ({"jwt_secret": SecretStr("x" * 31)}, "jwt_secret_too_short"),
        ({"jwt_jwks_url": "https://id.example/jwks.json"}, "jwt_ambiguous"),
        (
            {"jwt_secret": SecretStr(""), "jwt_jwks_url": "http://id.example/jwks.json"},
            "jwks_url_insecure",
        ),
        (
            {"jwt_secret": SecretStr(""), "jwt_jwks_url": "file:///etc/jwks.json"},
            "jwks_url_insecure",
        ),
        ({"database_url": ""}, "no_database"),
        ({"r2_secret_access_key": SecretStr("")}, "store_not_configured"),
        ({"api_cors_origins": "https://app.example.com/path"}, "cors_origin_invalid"),
        ({"studio_embed_origins": "*"}, "embed_origin_invalid"),
        ({"studio_embed_origins": "https://a.example; script-src *"}, "embed_origin_invalid"),
    ],
)
def test_the_api_does_not_start_half_configured(
    changes: dict[str, Any], code: str, api_settings: Settings
) -> None:
    with pytest.raises(PermanentError) as refused:
        create_app(api_settings.model_copy(update=changes))
    assert refused.value.code == code


class JwksServer:
    """An identity provider's key set on loopback; `keys` may change while it runs."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.requests = 0
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.requests += 1
                body = json.dumps({"keys": provider.keys}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/jwks.json"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def jwks() -> Iterator[JwksServer]:
    server = JwksServer()
    server.keys = [
        {**RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True), "kid": "rsa-1", "use": "sig"},
        {**ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True), "kid": "ec-1", "use": "sig"},
    ]
    yield server
    server.stop()


@pytest.fixture
def jwks_http(jwks: JwksServer, api_settings: Settings) -> Iterator[TestClient]:
    settings = api_settings.model_copy(
        update={"jwt_secret": SecretStr(""), "jwt_jwks_url": jwks.url}
    )
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


def test_keys_of_an_identity_provider_open_the_door(
    jwks: JwksServer, jwks_http: TestClient
) -> None:
    for key, algorithm, key_id in ((RSA_KEY, "RS256", "rsa-1"), (EC_KEY, "ES256", "ec-1")):
        token = jwt.encode(claims(), key, algorithm=algorithm, headers={"kid": key_id})
        assert ask(jwks_http, f"Bearer {token}").status_code == 200
    assert jwks.requests == 1

    public_text = jwt.utils.base64url_encode(json.dumps(jwks.keys[0]).encode())
    for refused in (
        jwt.encode(claims(), public_text, algorithm="HS256", headers={"kid": "rsa-1"}),
        jwt.encode(claims(), "", algorithm="none", headers={"kid": "rsa-1"}),
        jwt.encode(claims(), RSA_KEY, algorithm="RS512", headers={"kid": "rsa-1"}),
        jwt.encode(
            claims(),
            rsa.generate_private_key(public_exponent=65537, key_size=2048),
            algorithm="RS256",
            headers={"kid": "rsa-1"},
        ),
        jwt.encode(claims(), EC_KEY, algorithm="ES256", headers={"kid": "rsa-1"}),
        jwt.encode(claims(), RSA_KEY, algorithm="RS256", headers={"kid": "unknown"}),
        jwt.encode(claims(), RSA_KEY, algorithm="RS256"),
    ):
        answer = ask(jwks_http, f"Bearer {refused}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_token")
    expired = jwt.encode(claims(exp=1), RSA_KEY, algorithm="RS256", headers={"kid": "rsa-1"})
    assert ask(jwks_http, f"Bearer {expired}").json()["error"]["code"] == "token_expired"


def test_an_identity_provider_that_is_away_is_not_the_users_fault(
    jwks: JwksServer, jwks_http: TestClient
) -> None:
    jwks.keys = []
    token = jwt.encode(claims(), RSA_KEY, algorithm="RS256", headers={"kid": "rsa-1"})
    assert ask(jwks_http, f"Bearer {token}").json()["error"]["code"] == "jwks_unavailable"
    jwks.stop()
    answer = ask(jwks_http, f"Bearer {token}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "jwks_unavailable")
    assert answer.headers["Retry-After"] == "5"


def test_tokens_of_an_identity_provider_are_not_issued_here(
    jwks: JwksServer, api_settings: Settings
) -> None:
    with pytest.raises(PermanentError, match="identity provider"):
        issue_token(api_settings.model_copy(update={"jwt_jwks_url": jwks.url}), uuid4(), ttl_s=60)
