"""The Dagster instance that the command line and the UI share.

Belongs here: where it lies and its first dagster.yaml. Does not: runs (automation.py).
"""

from importlib import resources
from pathlib import Path

import dagster as dg

from meeting_etl.errors import SettingsError
from meeting_etl.files import Files


def dagster_home(files: Files, configured: str | None) -> Path:
    """The instance's folder: DAGSTER_HOME when it is set, else `dagster/` in the data folder.

    The latter gets the packaged dagster.yaml when it has none. Raises SettingsError for a
    DAGSTER_HOME that is no absolute path of a folder.
    """
    if configured:
        home = Path(configured).expanduser()
        if not home.is_absolute() or not home.is_dir():
            raise SettingsError(
                f"DAGSTER_HOME is {configured!r}; it must be the absolute path of a folder."
            )
        return home
    if files.read_bytes("dagster/dagster.yaml") is None:
        packaged = resources.files("meeting_etl.orchestration").joinpath("dagster.yaml")
        files.replace_bytes("dagster/dagster.yaml", packaged.read_bytes())
    return files.path("dagster")


def open_instance(home: Path) -> dg.DagsterInstance:
    """The instance of a folder."""
    return dg.DagsterInstance.from_config(str(home))
