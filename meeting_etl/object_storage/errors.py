"""Errors of a bucket as StorageError: one sentence, with what to do.

Belongs here: what the libraries' errors mean. Does not: trying again (delta_log.py).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from meeting_etl.disk_errors import remedy_of
from meeting_etl.errors import SettingsError, StorageError, StorageUnavailable

# Where machines of a provider find their credentials, when none are set.
_METADATA_SERVER = "169.254.169.254"
_COLOURED_ARROW = re.compile(r"\s*\x1b\[\d+m.\x1b\[\d+m\s*")
_ANSWER = re.compile(r"status code[:\s]+(\d{3} [A-Z][A-Za-z ]*)")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_TRANSIENT = (408, 429)  # and all from 500 on
# Found in the details of errors that brought no answer, and what they mean.
_NO_ANSWER = "HTTP error"
_WRONG_CERTIFICATE = "certificate"
_CAUSES = {
    "Connection refused": "Connection refused",
    "Connection reset": "Connection reset",
    "dns error": "dns error",
    "timed out": "timed out",
    _WRONG_CERTIFICATE: _WRONG_CERTIFICATE,
    "IncompleteMessage": "Connection closed",
    "connection closed": "Connection closed",
    _NO_ANSWER: "the connection failed",
}
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
        kind = StorageUnavailable if _is_unavailable(error) else StorageError
        # Not `from error`, whose text has requests and answers in full.
        raise kind(
            f"Cannot {doing} {where}: {cause_of(error)}. Check the bucket, its endpoint and its "
            "credentials (docs/object-storage.md), and run again."
        ) from None


def cause_of(error: Exception) -> str:
    """What an error says, without requests, answers and the library's own details."""
    text = _text_of(error)
    if _METADATA_SERVER in text:
        return "no credentials are set"
    endpoint = f"{found[1]} says " if (found := _REQUEST.search(text)) else ""
    if answer := _ANSWER.search(text):
        code = f" ({found[1]})" if (found := _CODE.search(text)) else ""
        return f"{endpoint}{answer[1].strip()}{code}"
    found_in = (cause for detail, cause in _CAUSES.items() if detail.lower() in text.lower())
    if cause := next(found_in, None):
        return f"{endpoint.replace(' says ', ': ')}{cause}"
    return _QUERY.sub("", text.split("\n", 1)[0]).rstrip(" .:")


def _is_unavailable(error: Exception) -> bool:
    """Whether the storage may be fine a moment later: the libraries have tried a few times."""
    text = _text_of(error)
    if answer := _ANSWER.search(text):
        status = int(answer[1].split()[0])
        return status >= 500 or status in _TRANSIENT
    return _NO_ANSWER in text and _WRONG_CERTIFICATE not in text


def _text_of(error: Exception) -> str:
    return _COLOURED_ARROW.sub(": ", str(error)).strip()
