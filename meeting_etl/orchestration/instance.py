"""The Dagster instance that the command line and the UI share.

Belongs here: its first dagster.yaml, and opening it. Does not: where it lies (home.py), runs
(automation.py).
"""

from importlib import resources
from pathlib import Path

import dagster as dg

from meeting_etl.files import Files
from meeting_etl.orchestration.home import instance_folder

_QUIET_FILE = "quiet.yaml"
_QUIET = """
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""


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


def open_quiet_instance(home: Path) -> dg.DagsterInstance:
    """The instance of a folder made by dagster_home, for many short runs beside which one watches.

    What steps print is not caught: that takes two processes a step, which a Ctrl-C on the terminal
    makes complain. The storage is that of the same instance.
    """
    usual = (home / "dagster.yaml").read_text(encoding="utf-8")
    (home / _QUIET_FILE).write_text(usual + _QUIET, encoding="utf-8")
    return dg.DagsterInstance.from_config(str(home), _QUIET_FILE)
