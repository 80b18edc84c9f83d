"""Every error that meeting_etl raises on purpose, arranged by what to do about it.

Belongs here: the tree and what each branch carries. Does not: which HTTP response is which error
(webex/responses.py), nor what the ledger makes of it.

    MeetingEtlError
      SettingsError      a setting is missing or wrong: correct it, run again (exit status 2)
      AuthError          the token is rejected: a new token is needed, waiting does not help
      ApiUnavailable     Webex as a whole is down or asks for a pause: run again at retry_at
      Refused            Webex permanently refuses this one request; the others continue
        Forbidden        403: scope, role or ownership is missing
          Prevented      the host does not allow downloads
        NotFound         404: does not exist, or not yet
        Gone             410: existed and was removed
      BadResponse        no usable response; retried later
      StorageError       the data folder cannot be read or written: space, permissions, damage
        LockLost         the connection that held a lock is broken: nothing more is written
        DamagedFile      a file cannot be read: the days that do not need it continue
        StorageUnavailable  the object storage cannot be reached or does not work: run again later
      Stopped            not a failure: the run was asked to end
"""

from datetime import date, datetime


class MeetingEtlError(Exception):
    """Base of all errors raised on purpose; its text is one sentence for the user."""


class SettingsError(MeetingEtlError):
    """A variable, option or settings file is missing or wrong; the text names it."""


class AuthError(MeetingEtlError):
    """The access token is rejected and cannot be renewed; no request can succeed."""


class ApiUnavailable(MeetingEtlError):
    """Webex as a whole accepts no requests now.

    `retry_at` is the earliest time (aware, UTC) to try again; None when Webex did not name one.
    """

    def __init__(self, message: str, retry_at: datetime | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class Refused(MeetingEtlError):
    """One request was permanently refused. `http_status` is the status of the response."""

    def __init__(self, message: str, http_status: int) -> None:
        super().__init__(message)
        self.http_status = http_status


class Forbidden(Refused):
    """403: the token may not read this."""


class Prevented(Forbidden):
    """The host does not allow this to be downloaded."""


class NotFound(Refused):
    """404: it does not exist, or not yet, or this token may not see it."""


class Gone(Refused):
    """410: it existed and was removed."""


class BadResponse(MeetingEtlError):
    """No usable response: not JSON, truncated, a repeated page, a next link to another host.

    `retry_at` is the earliest time (aware, UTC) to repeat the request, if the response named one.
    """

    def __init__(
        self, message: str, http_status: int | None = None, *, retry_at: datetime | None = None
    ) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.retry_at = retry_at


class Stopped(MeetingEtlError):
    """Waiting or unfinished work was given up because the run was asked to end."""


class StorageError(MeetingEtlError):
    """A file of the data folder cannot be read or written; committed work stays."""


class LockLost(StorageError):
    """A lock was lost while its holder was at work; what was committed before stays."""


class DamagedFile(StorageError):
    """A file of the lake cannot be read. `day` is the day whose work needs it, where known."""

    day: date | None = None


class StorageUnavailable(StorageError):
    """The object storage cannot be reached, or answers that it does not work at the moment."""
