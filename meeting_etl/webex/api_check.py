"""Whether it is Webex that responds, and whether Webex as a whole is down.

Belongs here: what one client has learnt about that, for all of its threads. Does not: sending the
request that shows it, nor what follows for the request at hand (client.py).
"""

import threading
from collections.abc import Callable

from meeting_etl.errors import ApiUnavailable, AuthError, BadResponse, Forbidden, Refused
from meeting_etl.webex.rate_limit import RateLimiter
from meeting_etl.webex.responses import NotWebexApi
from meeting_etl.webex.retry import RetryState
from meeting_etl.webex.transport import TransientError

NOT_WEBEX = (
    "This does not look like the Webex API: check WEBEX_BASE_URL, which ends in /v1, and the proxy "
    "if there is one"
)


class ApiCheck:
    """Believes refusals only once Webex is recognized, and knows an outage from single faults.

    A wrong base URL and a gateway refuse everything. So Webex is recognized by a response that it
    alone sends: any success, else one to /people/me, which exists for every token.
    """

    def __init__(
        self,
        get_people_me: Callable[[], object],
        new_retry: Callable[[], RetryState],
        rate_limiter: RateLimiter,
        *,
        outage_after: int,
    ) -> None:
        self._get_people_me = get_people_me
        self._new_retry = new_retry
        self._rate_limiter = rate_limiter
        self._outage_after = outage_after
        self._recognizing = threading.Lock()
        self._recognized = False
        self._counting = threading.Lock()
        self._is_outage = False
        self.failed_in_a_row = 0
        # Whether Webex's trackingId reaches us, which a proxy in between may remove. Then a
        # refusal without one is somebody else's.
        self.is_tracked = False

    @property
    def is_down(self) -> bool:
        """Whether Webex as a whole is taken to be down."""
        return self._is_outage and self.failed_in_a_row >= self._outage_after

    def record_success(self, *, is_tracked: bool) -> None:
        """A request succeeded; `is_tracked`: its response has the trackingId header."""
        self.failed_in_a_row = 0
        self.is_tracked = self.is_tracked or is_tracked
        self._recognized = True

    def record_refusal(self) -> None:
        """A request was refused: whoever responded is up."""
        self.failed_in_a_row = 0

    def record_failure(self) -> None:
        """A request failed after all its attempts; enough of them may be an outage."""
        with self._counting:
            self.failed_in_a_row += 1
            # One thread checks for an outage; what fails meanwhile fails by itself.
            checks = self.failed_in_a_row == self._outage_after
        if checks:
            self._is_outage = not self._is_up()
            self.failed_in_a_row *= self._is_outage

    def require_webex(self, error: BadResponse | Refused) -> None:
        """Return when `error` is Webex's own.

        Raises ApiUnavailable when it is not, BadResponse when that cannot be found out now.
        """
        with self._recognizing:
            if self._recognized:
                return
            retry = self._new_retry()
            while True:
                try:
                    self._recognized = self._is_webex()
                    break
                except TransientError as fault:
                    if not retry.wait_or_give_up(fault, is_down=False):
                        raise BadResponse(
                            f"{error} Whether Webex sent this could not be verified: GET "
                            "/people/me failed, too.",
                            error.http_status,
                        ) from fault
        if not self._recognized:
            raise ApiUnavailable(f"{NOT_WEBEX}. {error}")

    def _is_webex(self) -> bool:
        """Whether /people/me is answered as Webex does; raises TransientError.

        Webex refuses a token without the scope for it, and an invalid one, in its own words and
        with a trackingId. A 404 is what a base URL without the version gives.
        """
        try:
            self._get_people_me()
        except (Forbidden, AuthError):
            return True
        except (Refused, NotWebexApi):
            return False
        except TransientError:
            raise
        except BadResponse:  # a redirect
            return False
        return True

    def _is_up(self) -> bool:
        """Whether Webex responds to a request that has nothing to do with any meeting.

        Some meetings, or one endpoint, that are out of order are no outage.
        """
        try:
            return self._is_webex()
        except TransientError as error:
            if error.retry_after_seconds is None or not error.pauses_all:
                return False
            self._rate_limiter.pause(error.retry_after_seconds)
            return True
