"""Every error that meeting_etl raises on purpose, arranged by what to do about it.

Belongs here: the tree and what each branch carries. Does not: deciding which HTTP answer is which
error (webex/client.py is the only reader of status codes), nor what the ledger makes of it.

    MeetingEtlError
      SettingsError      a setting is missing or wrong: correct it, run again (exit status 2)
      AuthError          the token is refused: a new token is needed, waiting does not help
      ApiUnavailable     Webex as a whole does not answer or says "later": run again at retry_at
      Refused            Webex refuses this one request for good; the others go on
        Forbidden        403: scope, role or ownership is missing
          Prevented      it may be seen, but its host does not let it be downloaded
        NotFound         404: not there, or not there yet
        Gone             410: was there, is there no more
      BadResponse        an answer came that cannot be used as it is; asked again later
      StorageError       the data folder cannot be read or written: space, permissions, damage
      Stopped            nothing is wrong: the run was asked to end
"""

from datetime import datetime


class MeetingEtlError(Exception):
    """Base of all errors raised on purpose; its text is one sentence fit for a user."""


class SettingsError(MeetingEtlError):
    """A variable, option or settings file is missing or wrong; the text names it."""


class AuthError(MeetingEtlError):
    """The access token is refused and cannot be renewed; no request can succeed."""


class ApiUnavailable(MeetingEtlError):
    """Webex as a whole is not to be asked now.

    `retry_at` is the earliest moment (aware, UTC) at which asking again makes sense, or None
    when Webex did not say.
    """

    def __init__(self, message: str, retry_at: datetime | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class Refused(MeetingEtlError):
    """One request was refused for good. `http_status` is the status code of the answer."""

    def __init__(self, message: str, http_status: int) -> None:
        super().__init__(message)
        self.http_status = http_status


class Forbidden(Refused):
    """403: the token may not read this."""


class Prevented(Forbidden):
    """The host does not let this be downloaded."""


class NotFound(Refused):
    """404: there is no such thing, or not yet, or not for this token."""


class Gone(Refused):
    """410: the thing existed and was removed."""


class BadResponse(MeetingEtlError):
    """An answer that cannot be used: not JSON, cut off, a repeated page, a foreign next link.

    `retry_at` is the earliest moment (aware, UTC) at which the same may be asked again, where the
    answer named one.
    """

    def __init__(
        self, message: str, http_status: int | None = None, *, retry_at: datetime | None = None
    ) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.retry_at = retry_at


class Stopped(MeetingEtlError):
    """What was waiting or under way was given up, because the run is to end."""


class StorageError(MeetingEtlError):
    """A file of the data folder cannot be read or written; what was committed before stays."""
