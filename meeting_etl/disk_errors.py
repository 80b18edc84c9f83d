"""Errors of a disk: what to do about each.

Belongs here: the remedy by the system's number or message. Does not: raising them (files.py).
"""

import errno
import os

_FULL = "free some disk space and run again"
_FORBIDDEN = "check the permissions or set MEETING_ETL_DATA_DIR"
_REMEDY = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: "allow larger files (see `ulimit -f`) and run again",
    errno.EROFS: "the folder is read-only: mount it writable or set MEETING_ETL_DATA_DIR",
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
}


def describe_disk_error(message: str) -> str | None:
    """The cause and what to do, for libraries that pass on the system's message without errno."""
    for code, remedy in _REMEDY.items():
        if (reason := os.strerror(code)) in message:
            return f"{reason}; {remedy}"
    return None


def remedy_of(error: OSError) -> str:
    """What to do about an error."""
    return _REMEDY.get(error.errno or 0, "fix the cause and run again")
