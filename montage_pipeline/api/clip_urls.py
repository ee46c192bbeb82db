"""Which URLs of clips and music a user may hand in.

A refusal here spares the user a run that cannot succeed. It does not guard the network: host names
are resolved, and private addresses refused, where the bytes are fetched.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, unquote, urlsplit
from uuid import UUID

from montage_pipeline.addresses import is_public
from montage_pipeline.api.errors import FieldProblem
from montage_pipeline.api.upload_names import safe_file_name
from montage_pipeline.settings import Settings
from montage_pipeline.storage.keys import uploads_of

_UPLOAD_ID = re.compile(r"[0-9a-f-]{36}")
_NOT_AN_UPLOAD = "is not one of your uploads; use the clipUrl given by POST /api/uploads"


@dataclass(frozen=True)
class AllowedUrls:
    """The rules for one user's URLs."""

    user_id: UUID
    bucket: str
    settings: Settings

    def check_clips(self, clip_urls: Sequence[str]) -> list[FieldProblem]:
        """Everything that is wrong with these URLs; empty when they may be used."""
        if too_many := self._too_many("clipUrls", clip_urls):
            return too_many

        problems = []
        for position, clip_url in enumerate(clip_urls):
            if reason := self._refusal(clip_url):
                problems.append(FieldProblem(field=f"clipUrls.{position}", message=reason))
        return problems

    def check_wishes(self, must_use: Sequence[str], exclude: Sequence[str]) -> list[FieldProblem]:
        """Lists that are longer than any request's clips; which clips they name is told later."""
        return [*self._too_many("mustUse", must_use), *self._too_many("exclude", exclude)]

    def _too_many(self, field: str, urls: Sequence[str]) -> list[FieldProblem]:
        limit = self.settings.max_clips
        if len(urls) <= limit:
            return []
        message = f"has {len(urls)} clips; at most {limit} are accepted"
        return [FieldProblem(field=field, message=message)]

    def check_music(self, music_url: str | None) -> list[FieldProblem]:
        """What is wrong with the URL of the user's own music, by the same rules; empty when it may
        be used.
        """
        reason = None if music_url is None else self._refusal(music_url)
        return [FieldProblem(field="musicUrl", message=reason)] if reason else []

    def _refusal(self, url: str) -> str | None:
        if " " in url or "\\" in url:
            return "must not contain spaces or backslashes; percent-encode them"
        try:
            parts = urlsplit(url)
            _ = parts.port  # raises when it is not a number in range
        except ValueError as error:
            return f"is not a URL: {error}"
        match parts.scheme:
            case "s3":
                return _refusal_of_upload(url, self.user_id, self.bucket)
            case "https":
                return _refusal_of_host(parts, self.settings)
            case "http" if self.settings.fetch_private_hosts:
                return _refusal_of_host(parts, self.settings)
            case "http":
                return "must use https://, so that nobody on the way can change the clip"
            case _:
                return "must be an https:// URL or a clipUrl given by POST /api/uploads"


def refusal_of_web_url(url: str, settings: Settings) -> str | None:
    """Why an address of the web is not used; None when it may be."""
    if " " in url or "\\" in url:
        return "must not contain spaces or backslashes; percent-encode them"
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises when it is not a number in range
    except ValueError as error:
        return f"is not a URL: {error}"
    if parts.scheme != "https" and not (parts.scheme == "http" and settings.fetch_private_hosts):
        return "must be an https:// URL"
    return _refusal_of_host(parts, settings)


def _refusal_of_upload(clip_url: str, user_id: UUID, bucket: str) -> str | None:
    own = f"s3://{bucket}/{uploads_of(user_id)}"
    if clip_url.startswith(own):
        upload_id, _, quoted = clip_url[len(own) :].partition("/")
        name = unquote(quoted)
        # Only as it was given: one address for each file, and none that leads elsewhere.
        if _UPLOAD_ID.fullmatch(upload_id) and name == safe_file_name(name):
            return None if quote(name) == quoted else _NOT_AN_UPLOAD
    return _NOT_AN_UPLOAD


def _refusal_of_host(parts: SplitResult, settings: Settings) -> str | None:
    if not parts.hostname:
        return "names no host"
    if parts.username is not None or parts.password is not None:
        return "must not carry a user name or password; use a presigned URL"
    if settings.fetch_private_hosts:
        return None
    host = parts.hostname.rstrip(".")
    try:
        public = is_public(ipaddress.ip_address(host))
    except ValueError:
        public = host != "localhost" and not host.endswith(".localhost")
    return None if public else "names a private or loopback host, which is not fetched from"
