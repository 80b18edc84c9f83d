"""The probe client: each request once, and none once all of them must fail.

Belongs here: what a failed request means for the requests after it. Does not: which requests there
are (webex/probes.py).
"""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from meeting_etl.addresses import without_credentials
from meeting_etl.cli.doctor.finding import Finding, NotChecked, problem, skipped, warning
from meeting_etl.errors import (
    ApiUnavailable,
    AuthError,
    BadResponse,
    SettingsError,
    StorageError,
)
from meeting_etl.settings import Etl
from meeting_etl.settings.connections import Connection
from meeting_etl.webex.client import Client
from meeting_etl.webex.transport import Limits, TransientError

T = TypeVar("T")

# Somebody is watching the screen: a slow Webex is not waited for.
LIMITS = Limits(
    connect_seconds=3,
    read_seconds=4,
    response_seconds=5,
    response_bytes=2**20,
    attempts=1,
    rate_limit_retries=1,
)
_MAX_SECONDS = 10.0
_SLOW = "Try again later: Webex is slow, or a run uses all of WEBEX_REQUESTS_PER_MINUTE."
_PAUSE = "Wait until then; runs continue automatically."


class ProbeClient:
    """Sends one account's requests, each with one attempt, within the rate limit of all processes.

    After an outcome that concerns all requests (no token, a rejected one, no connection, a pause by
    Retry-After) no further request is sent, and every check gets that outcome.
    """

    def __init__(self, etl: Etl, connection: Connection) -> None:
        self.account = connection.account
        self._etl = etl
        self._stopped: Finding | None = None
        self.unreachable: Finding | None = None  # why no account can reach Webex
        self.deadline: float | None = None  # _MAX_SECONDS after its first request
        try:
            self._client: Client | None = connection.client_with(LIMITS, max_wait_seconds=0)
        except SettingsError:
            self._client = None
            self.stop(skipped("Not checked: settings are missing, see above."))

    def stop(self, reason: Finding) -> None:
        """Send no further request; the first reason counts."""
        self._stopped = self._stopped or reason

    @property
    def client(self) -> Client:
        """The client; raises NotChecked when no further request is to be sent."""
        now = self._etl.clock.monotonic()
        if self.deadline is None:
            self.deadline = now + _MAX_SECONDS
        if self._stopped is None and now > self.deadline:
            self.stop(warning("Not checked: the requests before took too long.", _SLOW))
        if self._stopped is not None or self._client is None:
            raise NotChecked(self._stopped or skipped("Not checked."))
        return self._client

    def __call__(self, request: Callable[[Client], T]) -> T:
        """What the request returns. Raises Refused for a refusal, NotChecked for other failures."""
        client = self.client
        try:
            return request(client)
        except AuthError as error:
            finding = problem(str(error), f"{self.account.credentials.remedy}.")
            self.stop(skipped("Not checked: the token is rejected."))
        except ApiUnavailable as error:
            finding = self._unavailable(error)
        except StorageError as error:
            finding = problem(str(error), "See the data folder below.")
            self.stop(
                skipped("Not checked: the data folder, which stores the rate, is not usable.")
            )
        except BadResponse as error:
            finding = self._failed(error)
        raise NotChecked(finding)

    @property
    def clock_ahead(self) -> timedelta | None:
        """How far this machine's clock is ahead of Webex's; None before the first response."""
        return self._client.clock_ahead if self._client else None

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()

    def _unavailable(self, error: ApiUnavailable) -> Finding:
        if error.retry_at is None:
            return self._unreachable(str(error))
        moment = f"{error.retry_at:%Y-%m-%d %H:%M:%S} UTC"
        self.stop(warning(f"Not checked: Webex accepts no requests before {moment}.", _PAUSE))
        found = f"Not checked: Webex accepts no requests before {moment} (Retry-After)."
        return warning(found, _PAUSE)

    def _failed(self, error: BadResponse) -> Finding:
        if error.http_status in (423, 429):
            # The pause is stored now, so the next request reports its end.
            return warning(str(error), "Wait a moment; runs continue automatically.")
        if isinstance(error.__cause__, TransientError) and error.http_status is None:
            return self._unreachable(str(error))
        if error.http_status is not None and error.http_status < 500:
            todo = "Try again; if it persists, check WEBEX_BASE_URL: this may not be the API."
            return problem(str(error), todo)
        return problem(str(error), "Try again later; runs retry automatically.")

    def _unreachable(self, sentence: str) -> Finding:
        url = without_credentials(self._etl.settings.base_url)
        todo = f"Check WEBEX_BASE_URL ({url}), the network, and HTTPS_PROXY if you use one."
        self.unreachable = problem(
            "Not checked: Webex cannot be reached.", "See the first such line."
        )
        self.stop(self.unreachable)
        return problem(f"Webex cannot be reached: {sentence}", todo)
