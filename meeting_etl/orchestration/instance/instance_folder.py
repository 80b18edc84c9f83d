"""The folder of the Dagster instance.

Belongs here: where the folder is, and checking its dagster.yaml, without loading Dagster. Does not:
creating and opening the instance (instance.py).
"""

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

import yaml

from meeting_etl.errors import SettingsError
from meeting_etl.files import Files

# Dagster reads the path of dagster.yaml as a glob pattern, and the paths of its databases as URLs:
# with these characters it would run without its settings, or write outside the folder.
_NOT_FOR_DAGSTER = frozenset("*?[%")


def instance_folder(files: Files, configured: str | None) -> Path:
    """DAGSTER_HOME when it is set, else `dagster/` in the data folder, which may not exist yet.

    Raises SettingsError for a DAGSTER_HOME that is not the absolute path of a folder.
    """
    if not configured:
        return files.path("dagster")
    # As it is, `~` of an unknown user is no absolute path.
    home = Path(os.path.expanduser(configured))  # noqa: PTH111
    if not (home.is_absolute() and home.is_dir()):
        raise SettingsError(
            f"DAGSTER_HOME is {configured!r}; it must be the absolute path of a folder that exists."
        )
    return home


@cache
def path_for_dagster(home: Path) -> Path:
    """A path to the folder that Dagster takes literally, until this process ends.

    The folder's own path, or a link to it if the path has characters that Dagster interprets.
    """
    if _NOT_FOR_DAGSTER.isdisjoint(str(home)):
        return home
    folder = Path(tempfile.mkdtemp(prefix="meeting-etl-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    link = folder / "dagster"
    link.symlink_to(home, target_is_directory=True)
    return link


def check_configuration(home: Path) -> None:
    """Raises SettingsError for a dagster.yaml that is not a YAML mapping; it may be missing."""
    path = home / "dagster.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, yaml.YAMLError):
        raise SettingsError(f"{path} is not YAML: correct it.") from None
    if content is not None and not isinstance(content, dict):
        raise SettingsError(f"{path} is not a mapping of settings to values: correct it.")
