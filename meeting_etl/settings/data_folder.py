"""MEETING_ETL_DATA_DIR and MEETING_ETL_WORK_DIR: where tables and files are.

Belongs here: which folder or URL they name. Does not: all other settings (environment.py), what is
where (storage.py).
"""

from collections.abc import Mapping
from pathlib import Path

from meeting_etl.errors import SettingsError
from meeting_etl.object_storage.urls import is_url, url_of

_DATA_DIR = "MEETING_ETL_DATA_DIR"
_WORK_DIR = "MEETING_ETL_WORK_DIR"


def bucket(environ: Mapping[str, str]) -> str | None:
    """The URL, where the data folder is one."""
    value = environ.get(_DATA_DIR) or ""
    return url_of(value) if is_url(value) else None


def data_dir(environ: Mapping[str, str]) -> Path:
    """The data folder; beside a bucket, what of it belongs to this machine."""
    name = _WORK_DIR if bucket(environ) else _DATA_DIR
    return _folder(name, environ.get(name) or "data")


def _folder(name: str, value: str) -> Path:
    """The folder, which need not exist yet."""
    path = Path(value).absolute()
    try:
        str(path).encode()
        is_file = path.exists() and not path.is_dir()
    except (OSError, ValueError):  # the name is too long, not UTF-8, or has a NUL
        raise SettingsError(f"{name} is {str(path)!r}, which is not a usable path.") from None
    if is_file:
        raise SettingsError(f"{name} is {path}, which is a file, not a folder.")
    return path
