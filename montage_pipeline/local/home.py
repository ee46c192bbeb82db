"""MONTAGE_HOME as a folder that no other user of the machine can look into.

Belongs here: who may enter the folder. Does not belong here: what lies in it.
"""

import os
import stat
from pathlib import Path

from montage_pipeline.errors import PermanentError

_OWN_MARKS = ("stack.lock", "jwt_secret", "objects", "postgres", "dagster")
"""What only a home of ours holds. A folder with other things in it is left as it is: somebody who
sets MONTAGE_HOME to /srv or to their own home folder does not want that folder closed.
"""


def make_private(home: Path) -> None:
    """Make `home` if need be, and close it to other users.

    Run as root, Postgres runs as an account of its own, whose group may still pass through.
    """
    new = not home.exists()
    home.mkdir(parents=True, exist_ok=True)
    status = home.stat()
    ours = status.st_uid == os.geteuid() and not status.st_mode & stat.S_ISVTX
    if not ours or home.resolve() == Path.home():
        return
    if not (new or any((home / mark).exists() for mark in _OWN_MARKS) or not any(home.iterdir())):
        return
    home.chmod(0o700)
    if os.geteuid() == 0:
        _let_postgres_through(home)


def _let_postgres_through(home: Path) -> None:
    from montage_pipeline.local.embedded.postgres_programs import unprivileged_account

    try:
        account = unprivileged_account()
    except PermanentError:
        return  # Whoever starts Postgres says so; with DATABASE_URL nobody has to.
    os.chown(home, -1, account.pw_gid)
    home.chmod(0o710)
