"""The one user of a local installation, and the secret that signs their token."""

import os
import secrets
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

LOCAL_USER_ID: UUID = uuid5(NAMESPACE_URL, "montage-pipeline:local-user")
LOCAL_USER_EMAIL = "local@montage.invalid"


def local_jwt_secret(home: Path) -> str:
    """The secret kept in `home`, made on first use and readable by its owner only."""
    path = home / "jwt_secret"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(48))
    return path.read_text().strip()
