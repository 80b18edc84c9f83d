"""The Dagster instance that the command line and the UI share.

Belongs here: its first dagster.yaml, and opening it. Does not: where it lies (home.py), runs
(automation.py).
"""

from importlib import resources
from pathlib import Path

import dagster as dg

from meeting_etl.files import Files
from meeting_etl.orchestration.home import instance_folder


def dagster_home(files: Files, configured: str | None) -> Path:
    """The instance's folder: DAGSTER_HOME when it is set, else `dagster/` in the data folder.

    The latter gets the packaged dagster.yaml when it has none. Raises SettingsError for a
    DAGSTER_HOME that is no absolute path of a folder.
    """
    home = instance_folder(files, configured)
    if not configured and files.read_bytes("dagster/dagster.yaml") is None:
        packaged = resources.files("meeting_etl.orchestration").joinpath("dagster.yaml")
        files.replace_bytes("dagster/dagster.yaml", packaged.read_bytes())
    return home


def open_instance(home: Path) -> dg.DagsterInstance:
    """The instance of a folder."""
    return dg.DagsterInstance.from_config(str(home))
