"""The settings as people read them: a table for the README, a commented `.env` to copy.

Belongs here: how `Settings` is written out. Does not belong here: what they mean (`settings`).
"""

from collections.abc import Iterator
from typing import Any

from pydantic import SecretStr

from montage_pipeline.records import Record
from montage_pipeline.settings import Settings, variable_of


class SettingLine(Record):
    """One environment variable. `default` is empty when there is none."""

    name: str
    default: str
    meaning: str


def setting_lines() -> Iterator[SettingLine]:
    """Every variable, in the order of the class."""
    for field, info in Settings.model_fields.items():
        yield SettingLine(
            name=variable_of(field),
            default="" if info.default_factory else _text(info.default),
            meaning=info.description or "",
        )


def markdown_table() -> str:
    """README's table."""
    rows = [
        f"| `{line.name}` | {f'`{line.default}`' if line.default else ''} | {line.meaning} |"
        for line in setting_lines()
    ]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows]) + "\n"


def env_file() -> str:
    """`.env.example`: every variable commented out, with its meaning above."""
    head = (
        "# Copy to .env and fill in what you need; the defaults work on one machine.\n"
        "# `montage`, the API and Dagster read it from the environment.\n"
    )
    lines = "".join(
        f"\n# {line.meaning}\n# {line.name}={line.default}\n" for line in setting_lines()
    )
    dagster = (
        "\n# Where the daemon and the webserver find the code server; `montage up` sets them.\n"
        "# MONTAGE_CODE_SERVER_HOST=127.0.0.1\n# MONTAGE_CODE_SERVER_PORT=4000\n"
    )
    compose = (
        "\n# Only for `docker compose`, which begins at this file. The project's name is that of\n"
        "# its containers and volumes: one that was started without it is called `deploy`.\n"
        "COMPOSE_FILE=deploy/compose.yaml\nCOMPOSE_PROJECT_NAME=montage\n"
        "\n# Only for `docker compose`: passwords of the two roles in its Postgres, letters and "
        "digits. It does not start without.\n# POSTGRES_PASSWORD=\n# DAGSTER_POSTGRES_PASSWORD=\n"
        "\n# Only for `docker compose`, to have two workers of Celery make the runs; with it,\n"
        "# the broker above as redis://redis:6379/0.\n"
        "# COMPOSE_PROFILES=celery\n# MONTAGE_DAGSTER_HOME=/home/montage/dagster-celery\n"
    )
    return head + lines + dagster + compose


def _text(default: Any) -> str:
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    if isinstance(default, bool):
        return str(default).lower()
    return "" if default is None else str(default)
