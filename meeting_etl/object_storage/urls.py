"""URLs of buckets.

Belongs here: which there may be. Does not: requests.
"""

import re

from meeting_etl.errors import SettingsError

SCHEMES = ("s3", "gs", "az")
_URL = re.compile(rf"(?:{'|'.join(SCHEMES)})://[^/?#\s@]+(?:/[^/?#\s@]+)*/?")


def is_url(text: str) -> bool:
    """Whether a data folder is meant to be in object storage."""
    return "://" in text


def url_of(text: str) -> str:
    """The URL without a slash at its end. Raises SettingsError for what is none."""
    if not _URL.fullmatch(text):
        raise SettingsError(
            f"MEETING_ETL_DATA_DIR is {text}, but must be a folder or the URL of one in a bucket, "
            "such as s3://bucket/etl (or gs://, az://). Credentials belong in the variables of the "
            "provider, such as AWS_ACCESS_KEY_ID."
        )
    return text.rstrip("/")
