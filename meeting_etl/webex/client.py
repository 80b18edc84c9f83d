"""The client: asks Webex, patiently, and says what became of it.

Belongs here: asking again, and getting all pages of a listing. Does not: what an answer means
(responses.py), bytes on the wire (transport.py), tokens (auth.py), the rate (rate_limit.py), how
long to go on with one request (retry.py), or which paths and parameters there are (endpoints.py).
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from random import Random
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from meeting_etl.errors import (
    ApiUnavailable,
    AuthError,
    BadResponse,
    Forbidden,
    MeetingEtlError,
    NotFound,
    Refused,
)
from meeting_etl.times import Clock
from meeting_etl.webex.auth import Auth
from meeting_etl.webex.pagination import PageUrl, next_page, with_half_max
from meeting_etl.webex.rate_limit import LONGEST_PAUSE_SECONDS, RateLimiter
from meeting_etl.webex.responses import (
    NotWebexApi,
    clock_ahead,
    json_items,
    json_object,
    no_content,
    read_with,
    text_body,
)
from meeting_etl.webex.retry import RetryState
from meeting_etl.webex.transport import Limits, Response, TransientError, Transport

T = TypeVar("T")

_LOG = logging.getLogger(__name__)
_GRANT_ATTEMPTS = 3
_RECOGNITION_ATTEMPTS = 3
_NOT_WEBEX = (
    "What answers does not look like the Webex API: check WEBEX_BASE_URL, which ends in /v1, and "
    "the proxy where there is one"
)
_ANY_TEXT = {"Accept": "text/vtt, text/plain, */*;q=0.1"}


class _PageTooLarge(Exception):
    """A page with so many items does not come; with fewer it may."""


class Client:
    """Asks one API, for any number of threads.

    `base_url` is that of the API, with its version: https://webexapis.com/v1. `random` is for the
    jitter between attempts.

    All methods that ask raise: AuthError when the token is refused and cannot be renewed;
    ApiUnavailable when Webex says "later" for longer than the pace bears, or when
    `limits.outage_after` requests in a row failed; Forbidden, NotFound, Gone or Refused at
    once; BadResponse when this one request failed although it was sent several times.
    All of them may be sent several times, except for `post`.

    A wrong base URL and a gateway in between refuse everything. So the first refusal is believed
    only when this client has had an answer that Webex alone gives: any success, else one to
    /people/me. When that is not given either, ApiUnavailable says that this is not Webex.
    """

    def __init__(
        self,
        base_url: str,
        auth: Auth,
        rate_limiter: RateLimiter,
        clock: Clock,
        *,
        threads: int = 24,
        limits: Limits | None = None,
        random: Random | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._auth = auth
        self._rate_limiter = rate_limiter
        self._clock = clock
        self._limits = limits or Limits()
        self._random = random or Random()  # noqa: S311 - nothing secret in a delay
        self._wire = Transport(
            self._base_url, rate_limiter, clock, threads=threads, limits=self._limits
        )
        self._counting = threading.Lock()
        self._failed_in_a_row = 0
        self._down = False
        self._clock_ahead: timedelta | None = None
        self._recognizing = threading.Lock()
        self._recognized = False

    @property
    def requests_sent(self) -> int:
        """Requests sent so far by all threads: every attempt, token renewals too."""
        return self._wire.requests_sent

    @property
    def clock_ahead(self) -> timedelta | None:
        """How far our clock is ahead of the Date of the latest answer; None where it has none."""
        return self._clock_ahead

    def get(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The JSON object at `path`, which starts with a slash and is percent-encoded."""
        found, _ = self._ask(PageUrl(self._url(path, params)), json_object)
        return found

    def text(self, path: str, params: Mapping[str, str]) -> bytes:
        """The file of text at `path`, as it was sent: a page or JSON in its place is a fault."""
        found, _ = self._ask(PageUrl(self._url(path, params)), text_body, headers=_ANY_TEXT)
        return found

    def pages(
        self, path: str, params: Mapping[str, str], *, max_pages: int | None = None
    ) -> list[list[dict[str, Any]]]:
        """The items of each page, to the last one or the `max_pages`th, empty ones too.

        A page that is too much for Webex (504) or for us (its size) makes the listing begin anew,
        with half as many items a page: a cursor may be bound to the `max` that it was given for.
        Where Webex refuses the smaller `max` with 400, it is asked for as it was.

        Raises BadResponse, too, for a next link to another host or to a page fetched before.
        """
        asked, may_shrink = params, True
        patience = RetryState(self._rate_limiter, self._random, self._limits)
        while True:
            smaller = with_half_max(asked) if may_shrink else None
            try:
                pages = self._walk(path, asked, patience, shrinks=smaller is not None)
                return list(islice(pages, max_pages))
            except _PageTooLarge:
                asked = smaller or asked
            except Refused as error:
                if error.http_status != 400 or asked == params:
                    raise
                asked, may_shrink = params, False

    def _walk(
        self, path: str, params: Mapping[str, str], patience: RetryState, *, shrinks: bool
    ) -> Iterator[list[dict[str, Any]]]:
        """The pages one by one; raises _PageTooLarge only if it `shrinks`.

        `patience` is that of the first page, however often the listing begins anew.
        """
        page: PageUrl | None = PageUrl(self._url(path, params))
        seen: set[str] = set()
        while page:
            if page.url in seen or len(seen) >= self._limits.pages:
                raise BadResponse(f"The pages of GET {path} come round again and again.")
            # A page in the middle that fails once is not worth all those before it.
            most_faults = (1 if seen else 0) if shrinks else None
            seen.add(page.url)
            items, answer = self._page(page, patience, most_faults)
            yield items
            patience = RetryState(self._rate_limiter, self._random, self._limits)
            page = next_page(answer.headers.get("Link", ""), page.url, params)
            if not page and params.get("max") == str(len(items)):
                _LOG.info("%s: the last page is a full one; is a link missing?", answer.asked)

    def _page(
        self, page: PageUrl, patience: RetryState, too_large_after: int | None
    ) -> tuple[list[dict[str, Any]], Response]:
        """One page; as its link was given, where Webex does not like what was made of the link."""
        try:
            return self._ask(page, json_items, patience=patience, too_large_after=too_large_after)
        except Refused as error:
            if error.http_status != 400 or page.given is None:
                raise
        return self._ask(PageUrl(page.given), json_items)

    def post(self, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """POST the document and return the object that answers it.

        Sent again only when Webex turned it away unheard (429, 423, 401). When it cannot be known
        whether it was done, BadResponse is raised at once: who knows how to look does so first.
        """
        found, _ = self._ask(PageUrl(self._url(path, None)), json_object, "POST", document)
        return found

    def put(self, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """PUT the document and return the object that answers it."""
        found, _ = self._ask(PageUrl(self._url(path, None)), json_object, "PUT", document)
        return found

    def patch(self, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """PATCH with some fields of the object and return the object that answers it."""
        found, _ = self._ask(PageUrl(self._url(path, None)), json_object, "PATCH", document)
        return found

    def delete(self, path: str) -> None:
        """DELETE what is at `path`; NotFound may mean that an earlier attempt did it."""
        self._ask(PageUrl(self._url(path, None)), no_content, "DELETE")

    def cancel_on(self, stop: threading.Event) -> None:
        """Once `stop` is set, whoever asks in the calling thread waits no more: Stopped is raised.

        A request that is under way gets its answer.
        """
        self._rate_limiter.cancel_on(stop)

    def close(self) -> None:
        """Close all connections."""
        self._wire.close()

    def _url(self, path: str, params: Mapping[str, str] | None) -> str:
        query = f"?{urlencode(params, quote_via=quote)}" if params else ""
        return f"{self._base_url}{path}{query}"

    def _ask(
        self,
        page: PageUrl,
        read: Callable[[Response], T],
        method: str = "GET",
        document: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        patience: RetryState | None = None,
        too_large_after: int | None = None,
    ) -> tuple[T, Response]:
        """Send it until `read` can make something of the answer.

        Raises _PageTooLarge after more than `too_large_after` faults that a smaller page may mend.
        """
        told, body = _json(method, document)
        told |= headers or {}
        patience = patience or RetryState(self._rate_limiter, self._random, self._limits)
        url, renewed, too_large = page.url, False, 0
        while True:
            token = self._auth.token(self._grant)
            try:
                sent = told | self._auth.headers(url, token)
                answer = self._wire.send(method, url, sent, body)
                self._clock_ahead = clock_ahead(answer)
                found = read_with(answer, read)
            except AuthError as error:
                if renewed or not self._auth.renew(token, self._grant):
                    raise AuthError(f"{error}; {self._auth.remedy}.") from error
                renewed = True
            except TransientError as error:
                uncertain = method == "POST" and not error.not_processed
                if uncertain or not patience.wait_or_give_up(error, self._is_down()):
                    raise self._given_up(error, patience) from error
                if error.http_status not in (None, 401):
                    renewed = False  # that token was taken; it may expire while this goes on
                too_large += error.response_too_large
                if too_large_after is not None and too_large > too_large_after:
                    raise _PageTooLarge from None
            except (Refused, BadResponse) as error:
                self._failed_in_a_row = 0
                self._doubt(error)
                raise
            else:
                self._failed_in_a_row = 0
                self._recognized = True
                return found, answer

    def _is_down(self) -> bool:
        return self._down and self._failed_in_a_row >= self._limits.outage_after

    def _doubt(self, error: Refused | BadResponse) -> None:
        """Return when it is Webex that answers; so far nothing may have shown that.

        Raises ApiUnavailable when it is not, BadResponse when that cannot be known now.
        """
        with self._recognizing:
            if self._recognized:
                return
            patience = RetryState(
                self._rate_limiter, self._random, self._limits, attempts=_RECOGNITION_ATTEMPTS
            )
            while True:
                try:
                    self._recognized = self._is_webex()
                    break
                except TransientError as fault:
                    if not patience.wait_or_give_up(fault, is_down=False):
                        raise BadResponse(
                            f"{error} Nothing has shown that this is Webex's answer, and GET "
                            "/people/me failed.",
                            error.http_status,
                        ) from fault
        if not self._recognized:
            raise ApiUnavailable(f"{_NOT_WEBEX}. {error}")

    def _is_webex(self) -> bool:
        """Whether /people/me, which is there for every token, is answered as Webex does.

        A token without the scope for it is refused there, and a void one, in Webex's own words.
        A 404 is what a base URL without the version gives. Raises Passing for a passing fault.
        """
        url = self._url("/people/me", None)
        try:
            sent = self._auth.headers(url, self._auth.token(self._grant))
            read_with(self._wire.send("GET", url, sent), json_object)
        except (Forbidden, AuthError):
            return True
        except (Refused, NotWebexApi):
            return False
        except TransientError:
            raise
        except BadResponse:  # a redirect
            return False
        return True

    def _given_up(self, error: TransientError, patience: RetryState) -> MeetingEtlError:
        if isinstance(error, NotWebexApi):
            try:
                self._doubt(error)
            except (ApiUnavailable, BadResponse) as doubt:
                return doubt
        with self._counting:
            self._failed_in_a_row += 1
            # One thread looks whether it is an outage; what fails meanwhile fails by itself.
            looks = self._failed_in_a_row == self._limits.outage_after
        if looks:
            self._down = not self._answers_elsewhere()
            self._failed_in_a_row *= self._down
        if self._is_down():
            return ApiUnavailable(
                f"The last {self._failed_in_a_row} requests failed, Webex seems to be "
                f"down: run again later. The last one: {error}."
            )
        times = f"{patience.sent} times" if patience.sent > 1 else "once"
        return BadResponse(
            f"{error}; sent {times}.", error.http_status, retry_at=self._retry_at(error)
        )

    def _retry_at(self, error: TransientError) -> datetime | None:
        """When what failed may be asked for again, where the answer says so of it alone."""
        if error.retry_after_seconds is None or error.pauses_all:
            return None
        return self._clock.now() + timedelta(
            seconds=min(error.retry_after_seconds, LONGEST_PAUSE_SECONDS)
        )

    def _answers_elsewhere(self) -> bool:
        """Whether Webex answers something that has nothing to do with any meeting.

        Some meetings, or one endpoint, that are out of order are no outage.
        """
        try:
            return self._is_webex()
        except TransientError as error:
            if error.retry_after_seconds is None or not error.pauses_all:
                return False
            self._rate_limiter.pause(error.retry_after_seconds)
            return True

    def _grant(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Auth's `grant`: POST the form, without a token."""
        attempts = min(_GRANT_ATTEMPTS, self._limits.attempts)
        patience = RetryState(self._rate_limiter, self._random, self._limits, attempts=attempts)
        body = urlencode(form).encode()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Content-Length": str(len(body)),
        }
        while True:
            try:
                answer = self._wire.send("POST", self._url("/access_token", None), headers, body)
                return read_with(answer, json_object)
            except NotFound as error:
                raise ApiUnavailable(f"{_NOT_WEBEX}. {error}") from error
            except TransientError as error:
                if not patience.wait_or_give_up(error, is_down=False):
                    raise


def _json(method: str, document: Mapping[str, Any] | None) -> tuple[dict[str, str], bytes | None]:
    """Headers and body that carry a document, if there is one."""
    if document is None:
        return {}, None
    body = msgspec.json.encode(document)
    # Webex takes a PATCH under this name only, though it is a plain object.
    form = "application/json-patch+json" if method == "PATCH" else "application/json"
    return {"Content-Type": form, "Content-Length": str(len(body))}, body
