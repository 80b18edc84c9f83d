"""Errors of a bucket as StorageError: one sentence, with what to do.

Belongs here: what the libraries' errors mean. Does not: trying again (delta_log.py).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from meeting_etl.disk_errors import remedy_of
from meeting_etl.errors import SettingsError, StorageError

# Where machines of a provider find their credentials, when none are set.
_METADATA_SERVER = "169.254.169.254"
_COLOURED_ARROW = re.compile(r"\s*\x1b\[\d+m.\x1b\[\d+m\s*")
_ANSWER = re.compile(r"status code[:\s]+(\d{3} [A-Z][A-Za-z ]*)")
_CODE = re.compile(r"<Code>(\w+)</Code>")
# Found in the details of errors that reached no server.
_CAUSES = ("Connection refused", "Connection reset", "dns error", "timed out", "certificate")
_REQUEST = re.compile(r"performing [A-Z]+ (https?://[^/\s]+)")
_QUERY = re.compile(r"\?\S*")


def check_installed() -> None:
    """Raise SettingsError without the libraries, which the extra `cluster` installs."""
    if not (find_spec("deltalake") and find_spec("obstore")):
        raise SettingsError(
            "A bucket as MEETING_ETL_DATA_DIR needs the libraries of object storage: "
            "pip install 'meeting_etl[cluster]'."
        )


@contextmanager
def translate_errors(where: str, *, doing: str = "write", may_lack: bool = False) -> Iterator[None]:
    """Translate errors of the libraries into a StorageError that says what to do.

    With `may_lack`, FileNotFoundError stays, unless it is the bucket that does not exist.
    """
    from deltalake.exceptions import DeltaError
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, DeltaError, OSError) as error:
        is_absent = isinstance(error, FileNotFoundError) and "NoSuchBucket" not in str(error)
        if may_lack and is_absent:
            raise
        if isinstance(error, OSError) and error.errno:  # of the disk, which has temporary files
            raise StorageError(
                f"Cannot {doing} {where}: {error.strerror} ({error.filename}); {remedy_of(error)}."
            ) from error
        # Not `from error`, whose text has requests and answers in full.
        raise StorageError(
            f"Cannot {doing} {where}: {cause_of(error)}. Check the bucket, its endpoint and its "
            "credentials (docs/object-storage.md), and run again."
        ) from None


def cause_of(error: Exception) -> str:
    """What an error says, without requests, answers and the library's own details."""
    text = _COLOURED_ARROW.sub(": ", str(error)).strip()
    if _METADATA_SERVER in text:
        return "no credentials are set"
    endpoint = f"{found[1]} says " if (found := _REQUEST.search(text)) else ""
    if answer := _ANSWER.search(text):
        code = f" ({found[1]})" if (found := _CODE.search(text)) else ""
        return f"{endpoint}{answer[1].strip()}{code}"
    if cause := next((cause for cause in _CAUSES if cause.lower() in text.lower()), None):
        return f"{endpoint.replace(' says ', ': ')}{cause}"
    return _QUERY.sub("", text.split("\n", 1)[0]).rstrip(" .:")
