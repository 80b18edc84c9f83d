"""URLs of buckets.

Belongs here: which there may be. Does not: requests.
"""

import re

from meeting_etl.errors import SettingsError

SCHEMES = ("s3", "gs", "az")
# Characters that are themselves in every library and every server; no name of dots alone.
_NAME = r"(?!\.+(?:/|$))[\w.=+-]+"
_URL = re.compile(rf"(?:{'|'.join(SCHEMES)})://{_NAME}(?:/{_NAME})*/?", re.ASCII)
_CREDENTIALS = re.compile(r"//.*@|[?#].*", re.DOTALL)


def is_url(text: str) -> bool:
    """Whether a data folder is meant to be in object storage."""
    return "://" in text


def url_of(text: str, setting: str = "MEETING_ETL_DATA_DIR") -> str:
    """The URL without a slash at its end. Raises SettingsError for what is none."""
    if not _URL.fullmatch(text):
        a_folder_or = "" if setting.startswith("--") else "a folder or "
        raise SettingsError(
            f"{setting} is {_without_credentials(text)}, but must be {a_folder_or}the URL of a "
            "folder in a bucket, such as s3://bucket/etl (or gs://, az://), with plain letters, "
            "digits and . _ - = + in its names. Credentials belong in the variables of the "
            "provider, such as AWS_ACCESS_KEY_ID."
        )
    return text.rstrip("/")


def _without_credentials(text: str) -> str:
    """A URL without what may be a secret in it."""
    return _CREDENTIALS.sub(lambda found: "//…@" if found[0].startswith("//") else "?…", text)
