"""MEETING_ETL_DATA_DIR and MEETING_ETL_WORK_DIR: where tables and files are.

Belongs here: which folder or URL they name. Does not: all other settings (environment.py), what is
where (storage.py).
"""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from meeting_etl.errors import SettingsError
from meeting_etl.object_storage.urls import is_url, url_of

_DATA_DIR = "MEETING_ETL_DATA_DIR"
_WORK_DIR = "MEETING_ETL_WORK_DIR"
_SPACE = re.compile(r"\s")
_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AZURE_STORAGE_ENDPOINT")
# What says where the data are.
PLACES = (_DATA_DIR, _WORK_DIR, *_ENDPOINTS)


def bucket(environ: Mapping[str, str]) -> str | None:
    """The URL, where the data folder is one."""
    value = environ.get(_DATA_DIR) or ""
    if not is_url(value):
        return None
    for name in _ENDPOINTS:
        if name in environ:
            _check_endpoint(name, environ[name])
    return url_of(value)


def data_dir(environ: Mapping[str, str]) -> Path:
    """The data folder; beside a bucket, what of it belongs to this machine."""
    name = _WORK_DIR if bucket(environ) else _DATA_DIR
    return _folder(name, environ.get(name) or "data")


def _check_endpoint(name: str, value: str) -> None:
    """Raise SettingsError for what is no address: the libraries would end the process."""
    try:
        parts = urlsplit(value)
        is_address = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or _SPACE.search(value):
        raise SettingsError(
            f"{name} must be an address such as https://s3.team.example, or not be set."
        )


def _folder(name: str, value: str) -> Path:
    """The folder, which need not exist yet."""
    path = Path(value)
    try:
        # A shell does this, but not in quotes; nor do systemd and containers.
        path = path.expanduser().absolute()
        str(path).encode()
        is_file = path.exists() and not path.is_dir()
    except (OSError, ValueError, RuntimeError):  # too long, not UTF-8, a NUL, an unknown user
        raise SettingsError(f"{name} is {str(path)!r}, which is not a usable path.") from None
    if is_file:
        raise SettingsError(f"{name} is {path}, which is a file, not a folder.")
    return path
