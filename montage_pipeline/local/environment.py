"""The environment of a local system's processes: their settings as variables, and Dagster's home.

Belongs here: turning settings into what child processes read. Does not belong here: any setting of
our own.
"""

import os
import shutil
from importlib import resources
from pathlib import Path

from pydantic import SecretStr

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.settings import Settings, variable_of

HOME_MARK = "MONTAGE_SUPERVISED_HOME"
"""Every process of a local system, and whatever it starts, carries the home's path under this name:
that proves whose it is.
"""


def setting_variables(settings: Settings) -> dict[str, str]:
    """Every setting that is not left at its default, as the variable it is read from.

    Secrets are in clear text.
    """
    variables = {}
    for name in sorted(settings.model_fields_set & set(Settings.model_fields)):
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        variables[variable_of(name)] = str(value).lower() if isinstance(value, bool) else str(value)
    return variables


def child_environment(settings: Settings, found: dict[str, str]) -> dict[str, str]:
    """What a child process gets: this process's environment, these settings and no others, and the
    variables `found` by starting the stores.
    """
    ours = {variable_of(name) for name in Settings.model_fields}
    passed_on = {name: value for name, value in os.environ.items() if name not in ours}
    temporary = str(temporary_folder(settings.home))
    return {
        **passed_on,
        **setting_variables(settings),
        **found,
        HOME_MARK: str(settings.home.resolve()),
        # What a killed run leaves half made goes with the system's own folder.
        "TMPDIR": temporary,
        "PYTHONUNBUFFERED": "1",
    }


def code_server_address(port: int) -> dict[str, str]:
    """Variables that tell daemon and UI, through workspace.yaml, where the code server listens."""
    return {"MONTAGE_CODE_SERVER_HOST": "127.0.0.1", "MONTAGE_CODE_SERVER_PORT": str(port)}


def temporary_folder(home: Path) -> Path:
    """Temporary files of a local system's processes; emptied when it starts and stops."""
    return home.resolve() / "tmp"


def empty_temporary_folder(home: Path) -> None:
    """Delete what earlier processes left there."""
    folder = temporary_folder(home)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)


def make_dagster_home(home: Path) -> Path:
    """The folder for DAGSTER_HOME, with this version's dagster.yaml and workspace.yaml.

    As in production, the storage is in Postgres and the code is reached through its own server.
    """
    folder = home.resolve() / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "dagster.yaml": _packaged("dagster.yaml") + _packaged("deploy/dagster-storage.yaml"),
        "workspace.yaml": _packaged("deploy/workspace.yaml"),
    }
    for name, text in files.items():
        unfinished = folder / f".{name}.part"
        unfinished.write_text(text)
        unfinished.replace(folder / name)
    return folder


def _packaged(name: str) -> str:
    """A file that a wheel carries beside this module, and a source tree below its root."""
    in_wheel = resources.files("montage_pipeline.local").joinpath(Path(name).name)
    in_tree = Path(str(resources.files("montage_pipeline"))).parent / name
    for place in (in_wheel, in_tree):
        if place.is_file():
            return place.read_text()
    raise PermanentError(
        ErrorCode.NOT_INSTALLED_WHOLE,
        f"{name} is neither in the package nor at {in_tree}: install montage-pipeline again",
    )
