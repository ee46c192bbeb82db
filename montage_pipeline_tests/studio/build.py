"""What the studio is built from: the API's description, and a digest of the sources.

`python -m montage_pipeline_tests.studio.build` writes both; `make studio` does, around the build.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from montage_pipeline.api.app import create_app
from montage_pipeline.api.studio.pages import STATIC
from montage_pipeline.settings import Settings

WEB = STATIC.parent / "web"
DESCRIPTION = WEB / "openapi.json"
DIGEST = STATIC.parent / "built-from.txt"


def description() -> dict[str, Any]:
    """The OpenAPI document of an installation as it is set up out of the box."""
    settings = Settings(
        database_url="postgresql://nobody@127.0.0.1:1/nothing",
        jwt_secret="not used: nothing is signed or checked",
        r2_endpoint_url="http://127.0.0.1:1",
        r2_access_key_id="nobody",
        r2_secret_access_key="nothing",
        r2_bucket="montage",
    )
    return create_app(settings).openapi()


def digest() -> str:
    """SHA-256 of everything that the build reads, file by file."""
    hashes = hashlib.sha256()
    for path in sorted(path for path in WEB.rglob("*") if _is_source(path)):
        name = path.relative_to(WEB).as_posix()
        hashes.update(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return hashes.hexdigest()


def _is_source(path: Path) -> bool:
    return path.is_file() and "node_modules" not in path.parts


def main() -> None:
    """Write the description, and the digest of what is built next."""
    DESCRIPTION.write_text(json.dumps(description(), indent=1) + "\n")
    DIGEST.write_text(digest() + "\n")


if __name__ == "__main__":
    main()
