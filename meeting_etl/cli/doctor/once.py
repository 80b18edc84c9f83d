"""Asking Webex once for each thing, and no more when nothing can come of it.

Belongs here: what a failed call means for the calls after it. Does not: which calls there are.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from meeting_etl.cli.doctor.configured import shown_url
from meeting_etl.cli.doctor.line import Finding, NotAsked, problem, skipped, warning
from meeting_etl.errors import ApiUnavailable, AuthError, BadResponse, SettingsError, StorageError
from meeting_etl.settings import Etl
from meeting_etl.webex.client import Client
from meeting_etl.webex.transport import Limits, TransientError

T = TypeVar("T")

# A slow Webex is slow for us too: who looks at a screen does not wait for it.
LIMITS = Limits(
    connect_seconds=3,
    read_seconds=4,
    response_seconds=5,
    response_bytes=2**20,
    attempts=1,
    rate_limit_retries=1,
)
_LONGEST_SECONDS = 10.0
_SLOW = "Ask again later: Webex is slow, or a run takes all of WEBEX_REQUESTS_PER_MINUTE."
_HOLD = "Wait until then; runs go on by themselves."


class Once:
    """Calls with one attempt each, at the pace that all processes share.

    After an outcome that concerns all calls (no token, a refused one, no connection, a running
    Retry-After) nothing is sent any more, and what it was is said again.
    """

    def __init__(self, etl: Etl) -> None:
        self._etl = etl
        self._over: Finding | None = None
        self._deadline = etl.clock.monotonic() + _LONGEST_SECONDS
        try:
            self._client: Client | None = etl.client_with(LIMITS, max_wait_seconds=0)
        except SettingsError:
            self._client = None
            self.stop(skipped("Not asked: settings are missing, see above."))

    def stop(self, over: Finding) -> None:
        """Send nothing any more, for this reason."""
        self._over = self._over or over

    @property
    def client(self) -> Client:
        """The client, for what is built upon it; raises NotAsked when nothing is to be sent."""
        if self._over is None and self._etl.clock.monotonic() > self._deadline:
            self.stop(warning("Not asked: the calls before took too long.", _SLOW))
        if self._over is not None or self._client is None:
            raise NotAsked(self._over or skipped("Not asked."))
        return self._client

    def __call__(self, call: Callable[[Client], T]) -> T:
        """What the call returns. Raises NotAsked when there is no answer, Refused for a refusal."""
        client = self.client
        try:
            return call(client)
        except AuthError as error:
            finding = problem(str(error), self._new_token())
            self.stop(skipped("Not asked: the token is refused."))
        except ApiUnavailable as error:
            finding = self._unavailable(error)
        except StorageError as error:
            finding = problem(str(error), "See the data folder below.")
            self.stop(skipped("Not asked: the data folder, where the pace is kept, is not usable."))
        except BadResponse as error:
            finding = self._bad(error)
        raise NotAsked(finding)

    @property
    def clock_ahead(self) -> timedelta | None:
        """How far this machine's clock is ahead of Webex's; None while nothing was answered."""
        return self._client.clock_ahead if self._client else None

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()

    def _unavailable(self, error: ApiUnavailable) -> Finding:
        if error.retry_at is None:
            return self._unreachable(str(error))
        moment = f"{error.retry_at:%Y-%m-%d %H:%M:%S} UTC"
        self.stop(warning(f"Not asked: Webex wants no request before {moment}.", _HOLD))
        return warning(f"Not asked: Webex wants no request before {moment} (Retry-After).", _HOLD)

    def _bad(self, error: BadResponse) -> Finding:
        if error.http_status in (423, 429):
            # A hold is on file now, so that the next call says until when.
            return warning(str(error), "Wait a little; runs go on by themselves.")
        if isinstance(error.__cause__, TransientError) and error.http_status is None:
            return self._unreachable(str(error))
        if error.http_status is not None and error.http_status < 500:
            todo = "Ask again; if it stays, check WEBEX_BASE_URL: this may not be the API."
            return problem(str(error), todo)
        return problem(str(error), "Ask again later; runs ask again by themselves.")

    def _unreachable(self, sentence: str) -> Finding:
        host = shown_url(self._etl.settings.base_url)
        todo = f"Check WEBEX_BASE_URL ({host}), the network, and HTTPS_PROXY where there is one."
        self.stop(problem("Not asked: Webex cannot be reached.", "See the first such line."))
        return problem(f"Webex cannot be reached: {sentence}", todo)

    def _new_token(self) -> str:
        if self._etl.settings.credentials.access_token:
            return "Set a new WEBEX_ACCESS_TOKEN."
        return (
            "Authorise the integration again, set WEBEX_REFRESH_TOKEN; check WEBEX_CLIENT_ID and "
            "WEBEX_CLIENT_SECRET."
        )
