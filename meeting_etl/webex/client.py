"""The client: sends requests to Webex until they succeed or are given up.

Belongs here: the HTTP methods and the loop over attempts, token renewals included. Does not: what a
response means (responses.py), bytes on the wire (transport.py), tokens (auth.py), the rate
(rate_limit.py), attempts and delays (retry.py), pages (pagination.py), or which paths exist
(endpoints.py).
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import Random
from threading import Event
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from meeting_etl.errors import (
    ApiUnavailable,
    AuthError,
    BadResponse,
    MeetingEtlError,
    Refused,
)
from meeting_etl.times import Clock
from meeting_etl.webex.api_check import ApiCheck
from meeting_etl.webex.auth import Auth
from meeting_etl.webex.bucket import LONGEST_PAUSE_SECONDS
from meeting_etl.webex.grants import TokenRequest
from meeting_etl.webex.pagination import PageTooLarge, Pagination
from meeting_etl.webex.rate_limit import RateLimiter
from meeting_etl.webex.responses import (
    NotWebexApi,
    clock_ahead,
    has_tracking_header,
    json_items,
    json_object,
    no_content,
    read_recognized,
    read_with,
    text_body,
)
from meeting_etl.webex.retry import RetryState
from meeting_etl.webex.traffic import Traffic
from meeting_etl.webex.transport import Limits, Response, TransientError, Transport

T = TypeVar("T")

_GRANT_ATTEMPTS = 3
_CHECK_ATTEMPTS = 3
_ANY_TEXT = {"Accept": "text/vtt, text/plain, */*;q=0.1"}


class Client:
    """Sends requests to one API, for any number of threads.

    `base_url` is that of the API, with its version: https://webexapis.com/v1. `random` is for the
    jitter between attempts.

    Every method that sends a request raises:
    - AuthError when the token is rejected and cannot be renewed;
    - ApiUnavailable when Webex pauses requests for too long, is down (after `limits.outage_after`
      failed requests in a row), or when it is not Webex that responds;
    - Forbidden, NotFound, Gone or Refused immediately;
    - BadResponse when this request failed after all its attempts.
    All of them retry, except for `post`.
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
        self._transport = Transport(
            self._base_url, rate_limiter, clock, threads=threads, limits=self._limits
        )
        self._check = ApiCheck(
            self._get_people_me,
            lambda: self._new_retry(_CHECK_ATTEMPTS),
            rate_limiter,
            outage_after=self._limits.outage_after,
        )
        self._pagination = Pagination(
            self._url, self._get_page, self._new_retry, page_limit=self._limits.pages
        )
        self._clock_ahead: timedelta | None = None

    @property
    def requests_sent(self) -> int:
        """Requests sent so far by all threads: every attempt, token renewals too."""
        return self._transport.traffic.requests

    @property
    def clock_ahead(self) -> timedelta | None:
        """How far our clock is ahead of the latest response's Date; None when it has none."""
        return self._clock_ahead

    def get(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The JSON object at `path`, which starts with a slash and is percent-encoded."""
        document, _ = self._request(self._url(path, params), json_object)
        return document

    def text(self, path: str, params: Mapping[str, str]) -> bytes:
        """The text file at `path`, as sent; a web page or JSON in its place is a fault."""
        content, _ = self._request(self._url(path, params), text_body, headers=_ANY_TEXT)
        return content

    def pages(
        self, path: str, params: Mapping[str, str], *, max_pages: int | None = None
    ) -> list[list[dict[str, Any]]]:
        """The items of each page, empty ones too, up to the last page or `max_pages` of them.

        Raises BadResponse, too, for a next link to another host or to a page fetched before.
        """
        return self._pagination.pages(path, params, max_pages)

    def post(self, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """POST the document and return the object in the response.

        Retried only when Webex did nothing (429, 423, 425, 401). When that is uncertain,
        BadResponse is raised immediately: the caller checks what exists before trying again.
        """
        found, _ = self._request(self._url(path), json_object, "POST", document)
        return found

    def put(self, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """PUT the document and return the object in the response."""
        found, _ = self._request(self._url(path), json_object, "PUT", document)
        return found

    def patch(self, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """PATCH some fields of an object and return the object in the response."""
        found, _ = self._request(self._url(path), json_object, "PATCH", document)
        return found

    def delete(self, path: str) -> None:
        """DELETE what is at `path`; NotFound may mean that an earlier attempt did it."""
        self._request(self._url(path), no_content, "DELETE")

    def cancel_on(self, stop: Event) -> None:
        """In the calling thread, raise Stopped instead of waiting once `stop` is set.

        A request that is under way still gets its response.
        """
        self._rate_limiter.cancel_on(stop)

    def count_in(self, traffic: Traffic | None) -> None:
        """Count what the calling thread sends from now on in `traffic`, too."""
        self._transport.count_in(traffic)

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def _url(self, path: str, params: Mapping[str, str] | None = None) -> str:
        query = f"?{urlencode(params, quote_via=quote)}" if params else ""
        return f"{self._base_url}{path}{query}"

    def _new_retry(self, attempts: int | None = None) -> RetryState:
        return RetryState(self._rate_limiter, self._random, self._limits, attempts)

    def _get_page(
        self, url: str, retry: RetryState, too_large_allowed: int | None
    ) -> tuple[list[dict[str, Any]], Response]:
        return self._request(url, json_items, retry=retry, too_large_allowed=too_large_allowed)

    def _request(
        self,
        url: str,
        read: Callable[[Response], T],
        method: str = "GET",
        document: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        retry: RetryState | None = None,
        too_large_allowed: int | None = None,
    ) -> tuple[T, Response]:
        """Send until `read` accepts the response.

        Raises PageTooLarge after more than `too_large_allowed` faults that a smaller page may
        avoid.
        """
        document_headers, body = _encode(method, document)
        base_headers = document_headers | dict(headers or {})
        retry = retry or self._new_retry()
        renewed, too_large = False, 0
        while True:
            token = self._auth.token(self._post_grant)
            try:
                sent_headers = base_headers | self._auth.headers(url, token)
                response = self._transport.send(method, url, sent_headers, body)
                self._clock_ahead = clock_ahead(response)
                content = self._read(response, read)
            except AuthError as error:
                if renewed or not self._auth.renew(token, self._post_grant):
                    raise AuthError(f"{self._auth.remedy}: {error}.") from error
                renewed = True
            except TransientError as error:
                uncertain = method == "POST" and not error.not_processed
                if uncertain or not retry.wait_or_give_up(error, is_down=self._check.is_down):
                    raise self._failure(error, retry) from error
                self._transport.count(retries=1)
                if error.http_status not in (None, 401):
                    renewed = False  # that token was accepted; it may expire during the retries
                too_large += error.response_too_large
                if too_large_allowed is not None and too_large > too_large_allowed:
                    raise PageTooLarge from None
            except (Refused, BadResponse) as error:
                self._check.record_refusal()
                self._check.require_webex(error)
                raise
            else:
                self._check.record_success(is_tracked=has_tracking_header(response))
                return content, response

    def _read(self, response: Response, read: Callable[[Response], T]) -> T:
        """The content. A 401 is judged by its words: renewing once too often does no harm."""
        is_tracked = self._check.is_tracked and response.status != 401
        return (read_recognized if is_tracked else read_with)(response, read)

    def _failure(self, error: TransientError, retry: RetryState) -> MeetingEtlError:
        """The error for a request that is given up."""
        if isinstance(error, NotWebexApi):
            try:
                self._check.require_webex(error)
            except (ApiUnavailable, BadResponse) as doubt:
                return doubt
        self._check.record_failure()
        if self._check.is_down:
            return ApiUnavailable(
                f"The last {self._check.failed_in_a_row} requests failed; Webex seems to be down. "
                f"Run again later. Last error: {error}."
            )
        attempts = f"{retry.failures} attempts" if retry.failures > 1 else "1 attempt"
        retry_at = None
        if error.retry_after_seconds is not None and not error.pauses_all:
            retry_at = self._seconds_from_now(error.retry_after_seconds)
        return BadResponse(
            f"{error}; gave up after {attempts}.", error.http_status, retry_at=retry_at
        )

    def _seconds_from_now(self, seconds: float) -> datetime:
        return self._clock.now() + timedelta(seconds=min(seconds, LONGEST_PAUSE_SECONDS))

    def _get_people_me(self) -> dict[str, Any]:
        """The token's owner, without retries; raises what `error_for` returns."""
        url = self._url("/people/me")
        headers = self._auth.headers(url, self._auth.token(self._post_grant))
        return read_recognized(self._transport.send("GET", url, headers), json_object)

    def _post_grant(self, request: TokenRequest) -> dict[str, Any]:
        """Auth's `post`. Repeating it is harmless: the newest tokens count."""
        retry = self._new_retry(min(_GRANT_ATTEMPTS, self._limits.attempts))
        url = self._url(request.path)
        headers = {
            "Content-Type": request.content_type,
            "Content-Length": str(len(request.body)),
            **(self._auth.headers(url, request.bearer) if request.bearer else {}),
        }
        while True:
            try:
                response = self._transport.send("POST", url, headers, request.body)
                return read_with(response, json_object)
            except TransientError as error:
                if not retry.wait_or_give_up(error, is_down=False):
                    raise


def _encode(method: str, document: Mapping[str, Any] | None) -> tuple[dict[str, str], bytes | None]:
    """Headers and body of a document, if there is one."""
    if document is None:
        return {}, None
    body = msgspec.json.encode(document)
    # Webex accepts a PATCH with this type only, though the document is a plain object.
    json_type = "application/json-patch+json" if method == "PATCH" else "application/json"
    return {"Content-Type": json_type, "Content-Length": str(len(body))}, body
