"""How a clip is named to people: in logs, messages, storyboards and exported edits.

Belongs here: which parts of an address may be shown. Does not belong here: which addresses are
fetched (fetching).
"""

from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit


def shown_url(url: str) -> str:
    """The address as it may stand in logs and messages: without query, fragment and user.

    Queries carry signatures.
    """
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return url.split("?", 1)[0].split("#", 1)[0][:200]
    if not parts.scheme:
        return parts.path
    host = parts.hostname or ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}{parts.path}"


def clip_name(url: str) -> str:
    """The name of the file as its owner knows it: decoded, without folders."""
    try:
        path = urlsplit(url).path
    except ValueError:
        path = shown_url(url)
    return PurePosixPath(unquote(path)).name or shown_url(url)
