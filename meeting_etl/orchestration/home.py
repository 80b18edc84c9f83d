"""Where the Dagster instance lies.

Belongs here: the folder, for those who ask without loading Dagster. Does not: making and opening
the instance (instance.py).
"""

from pathlib import Path

from meeting_etl.errors import SettingsError
from meeting_etl.files import Files


def instance_folder(files: Files, configured: str | None) -> Path:
    """DAGSTER_HOME when it is set, else `dagster/` in the data folder, which may not be there yet.

    Raises SettingsError for a DAGSTER_HOME that is no absolute path of a folder.
    """
    if not configured:
        return files.path("dagster")
    home = Path(configured).expanduser()
    if not home.is_absolute() or not home.is_dir():
        raise SettingsError(
            f"DAGSTER_HOME is {configured!r}; it must be the absolute path of a folder."
        )
    return home
