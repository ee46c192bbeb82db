"""Serving the built page: every address under `/studio` that is no file is the page itself."""

import re
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

from montage_pipeline.api.errors import ApiError
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.settings import Settings

STATIC = Path(__file__).parent / "static"

_ASSETS = "assets"
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?")
_A_YEAR = "public, max-age=31536000, immutable"
"""For files whose names change with what is in them."""


def router(settings: Settings) -> APIRouter:
    """The routes of the page; they are no part of the API's description."""
    routes = APIRouter(prefix="/studio", include_in_schema=False)
    headers = {
        "Content-Security-Policy": content_security_policy(settings),
        "Cache-Control": "no-cache",
    }

    @routes.get("")
    @routes.get("/{path:path}")
    def page(path: str = "") -> Response:
        if path.startswith(f"{_ASSETS}/"):
            return _asset(path)
        return FileResponse(STATIC / "index.html", headers=headers)

    return routes


def content_security_policy(settings: Settings) -> str:
    """Only the page's own files, this API, and media from the object store."""
    store = " ".join(sorted({_origin(url) for url in _media_urls(settings)} - {""}))
    embedding = " ".join(_embedding(settings)) or "'none'"
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' data: blob: {store}".rstrip(),
            f"media-src 'self' blob: {store}".rstrip(),
            f"connect-src 'self' {store}".rstrip(),
            "form-action 'none'",
            "base-uri 'none'",
            f"frame-ancestors {embedding}",
        ]
    )


def _embedding(settings: Settings) -> list[str]:
    """Whose pages may frame the studio. The page relies on it: its parent is one of them, and gives
    it the person's token.
    """
    named = [origin.strip() for origin in settings.studio_embed_origins.split(",")]
    origins = [origin for origin in named if origin]
    for origin in origins:
        # No `*`: a page that anybody may frame can be clicked through unseen.
        if not _ORIGIN.fullmatch(origin):
            raise PermanentError(
                ErrorCode.EMBED_ORIGIN_INVALID,
                f"MONTAGE_STUDIO_EMBED_ORIGINS: {origin!r} is not an origin; write scheme and host "
                "only, as in https://app.example.com",
            )
    return origins


def _media_urls(settings: Settings) -> list[str]:
    return [url for url in (settings.r2_endpoint_url, settings.r2_public_base_url) if url]


def _origin(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.split('/', 1)[0]}" if rest else ""


def _asset(path: str) -> Response:
    file = (STATIC / path).resolve()
    if not file.is_relative_to(STATIC / _ASSETS) or not file.is_file():
        raise ApiError(ErrorCode.NOT_FOUND, "There is no such file.")
    return FileResponse(file, headers={"Cache-Control": _A_YEAR})
