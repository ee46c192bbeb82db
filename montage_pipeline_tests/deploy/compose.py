"""The real Compose, which reads a file without a Docker daemon."""

import json
import os
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent


def compose(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`docker compose ARGUMENTS` in this folder, with nothing set but what its .env sets."""
    package = find_spec("compose")
    assert package is not None
    assert package.origin is not None
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    return subprocess.run(
        [Path(package.origin).parent / "docker-compose", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def rendered(folder: Path, *profiles: str) -> dict[str, Any]:
    """What Compose makes of the files in this folder, as a document."""
    chosen = [part for profile in profiles for part in ("--profile", profile)]
    result = compose(folder, *chosen, "config", "--format", "json")
    assert result.returncode == 0, result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    return document
