"""The client: asks Webex, patiently, and says what became of it.

Belongs here: what each answer means, asking again, and getting all pages of a listing. Does not:
bytes on the wire (wire.py), tokens (auth.py), the rate (pace.py), how long to go on with one
request (patience.py), or which paths and parameters there are (endpoints.py).
"""

import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from meeting_etl.errors import (
    ApiUnavailable,
    AuthError,
    BadAnswer,
    Forbidden,
    Gone,
    MeetingEtlError,
    NotFound,
    Refused,
)
from meeting_etl.texts import whole_characters
from meeting_etl.times import Clock
from meeting_etl.webex.auth import Auth
from meeting_etl.webex.pace import Pace
from meeting_etl.webex.paging import PageUrl, next_page, with_half_max
from meeting_etl.webex.patience import Patience
from meeting_etl.webex.wire import Answer, Limits, Passing, Wire

T = TypeVar("T")

_LOG = logging.getLogger(__name__)
_GRANT_ATTEMPTS = 3
_UNTOLD_HOLD_SECONDS = 30.0
_LONGEST_HOLD_DIGITS = 9
_MESSAGE_LENGTH = 200
# Messages of Webex may quote the request: addresses, links and anything as long as a token go.
_UNFIT = re.compile(r"\S*@\S*|[a-z]+://\S*|Bearer\s+\S+|[\w.~+/=-]{60,}|[\x00-\x1f\x7f]", re.I)
_TRACKING_ID = re.compile(r"[\w.:-]{1,100}")
_REFUSALS: dict[int, tuple[type[Refused], str]] = {
    403: (Forbidden, "the token's scopes, its role or WEBEX_TOKEN_KIND do not allow it"),
    404: (NotFound, "it is not there, not yet, or not for this token"),
    410: (Gone, "it was removed"),
}


def error_for(answer: Answer) -> MeetingEtlError:
    """What an answer other than a success means. The only reader of status codes.

    Passing (a BadAnswer) for what is worth asking again: 429, 423 and all 5xx. AuthError for 401,
    a kind of Refused for other 4xx, BadAnswer for a redirect.
    """
    status = answer.status
    told = f"Webex answered {status} to {answer.asked}{_message(answer)}"
    if status in (423, 429) or status >= 500:
        # 423 is about one thing: only where Webex says how long does it hold up everything else.
        hold_seconds = _hold_seconds(answer, untold=_UNTOLD_HOLD_SECONDS if status == 429 else None)
        return Passing(
            told,
            status,
            hold_seconds=hold_seconds,
            counts=status != 429,
            too_much=status == 504,
        )
    if status == 401:
        return AuthError(f"{told}: the access token is refused")
    if status >= 400:
        kind, meaning = _REFUSALS.get(status, (Refused, "the request does not suit Webex"))
        return kind(f"{told}: {meaning}.", status)
    return BadAnswer(f"{told}: this is not the API, check WEBEX_BASE_URL.", status)


class Client:
    """Asks one API, for any number of threads.

    `base_url` is that of the API, with its version: https://webexapis.com/v1. `random` is for the
    jitter between attempts.

    All methods that ask raise: AuthError when the token is refused and cannot be renewed;
    ApiUnavailable when Webex says "later" for longer than the pace bears, or when
    `limits.outage_after` requests in a row came to nothing; Forbidden, NotFound, Gone or Refused at
    once; BadAnswer when this one request came to nothing although it was sent several times.
    """

    def __init__(
        self,
        base_url: str,
        auth: Auth,
        pace: Pace,
        clock: Clock,
        *,
        threads: int = 24,
        limits: Limits | None = None,
        random: Random | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._auth = auth
        self._pace = pace
        self._clock = clock
        self._limits = limits or Limits()
        self._random = random or Random()  # noqa: S311 - nothing secret in a delay
        self._wire = Wire(self._base_url, pace, clock, threads=threads, limits=self._limits)
        self._counting = threading.Lock()
        self._failed_in_a_row = 0

    @property
    def requests_sent(self) -> int:
        """Requests sent so far by all threads: every attempt, token renewals too."""
        return self._wire.requests_sent

    def get(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The JSON object at `path`, which starts with a slash and is percent-encoded."""
        found, _ = self._ask(PageUrl(self._url(path, params)), _object)
        return found

    def pages(self, path: str, params: Mapping[str, str]) -> Iterator[list[dict[str, Any]]]:
        """The items of each page, to the last one. Empty pages in the middle are yielded too.

        Raises BadAnswer, beside what the class says, for a next link that leads to another host or
        to a page that was there before.
        """
        page: PageUrl | None = PageUrl(self._url(path, params))
        seen: set[str] = set()
        while page:
            if page.url in seen or len(seen) >= self._limits.pages:
                raise BadAnswer(f"The pages of GET {path} come round again and again.")
            seen.add(page.url)
            items, answer = self._ask(page, _items)
            yield items
            page = next_page(answer.headers.get("Link", ""), page.url, params)
            if not page and params.get("max") == str(len(items)):
                _LOG.info("%s: the last page is a full one; is a link missing?", answer.asked)

    def close(self) -> None:
        """Close all connections."""
        self._wire.close()

    def _url(self, path: str, params: Mapping[str, str] | None) -> str:
        query = f"?{urlencode(params, quote_via=quote)}" if params else ""
        return f"{self._base_url}{path}{query}"

    def _ask(self, page: PageUrl, read: Callable[[Answer], T]) -> tuple[T, Answer]:
        """GET it until `read` can make something of the answer."""
        patience = Patience(self._pace, self._clock, self._random, self._limits)
        url, renewed = page.url, False
        while True:
            token = self._auth.token(self._grant)
            try:
                answer = self._wire.send("GET", url, self._auth.headers(url, token))
                found = _read(answer, read)
            except AuthError as error:
                if renewed or not self._auth.renew(token, self._grant):
                    raise AuthError(f"{error}; {self._auth.remedy}.") from error
                renewed = True
            except Refused:
                self._failed_in_a_row = 0
                raise
            except Passing as error:
                if not patience.lasts(error, self._is_down()):
                    raise self._given_up(error, patience) from error
                if error.too_much and page.divisible:
                    url = with_half_max(url)
            else:
                self._failed_in_a_row = 0
                return found, answer

    def _is_down(self) -> bool:
        return self._failed_in_a_row >= self._limits.outage_after

    def _given_up(self, error: Passing, patience: Patience) -> MeetingEtlError:
        with self._counting:
            self._failed_in_a_row += 1
        if self._is_down():
            return ApiUnavailable(
                f"The last {self._failed_in_a_row} requests came to nothing, Webex seems to be "
                f"down: run again later. The last one: {error}."
            )
        return BadAnswer(f"{error}; sent {patience.sent} times.", error.http_status)

    def _grant(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Auth's `grant`: POST the form, without a token."""
        patience = Patience(
            self._pace, self._clock, self._random, self._limits, attempts=_GRANT_ATTEMPTS
        )
        body = urlencode(form).encode()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Content-Length": str(len(body)),
        }
        while True:
            try:
                answer = self._wire.send("POST", self._url("/access_token", None), headers, body)
                return _read(answer, _object)
            except Passing as error:
                if not patience.lasts(error, is_down=False):
                    raise


def _read(answer: Answer, read: Callable[[Answer], T]) -> T:
    if 200 <= answer.status < 300:
        return read(answer)
    raise error_for(answer)


def _object(answer: Answer) -> dict[str, Any]:
    found = _decoded(answer.body)
    if found is None:
        found = _decoded(whole_characters(answer.body))
    if not isinstance(found, dict):
        raise Passing(f"The answer to {answer.asked} is not a JSON object", answer.status)
    return found


def _decoded(body: bytes) -> Any:
    """The JSON document; None when it is none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _items(answer: Answer) -> list[dict[str, Any]]:
    items = _object(answer).get("items")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Passing(f"The answer to {answer.asked} has no list of items", answer.status)
    return items


def _message(answer: Answer) -> str:
    """Webex's own words and its tracking id; of the body nothing else goes into an error."""
    body = _decoded(answer.body)
    told = body if isinstance(body, dict) else {}
    message = told.get("message")
    words = f": {_fit(message)}" if isinstance(message, str) and message.strip() else ""
    told_ids = (str(told.get("trackingId", "")), answer.headers.get("trackingId", ""))
    tracking_id = next(filter(_TRACKING_ID.fullmatch, told_ids), answer.tracking_id)
    return f"{words} (trackingId {tracking_id})"


def _fit(text: str) -> str:
    text = " ".join(_UNFIT.sub(" … ", text).split())
    return text if len(text) <= _MESSAGE_LENGTH else f"{text[: _MESSAGE_LENGTH - 1]}…"


def _hold_seconds(answer: Answer, *, untold: float | None) -> float | None:
    """Seconds of Retry-After, at least one; `untold` when there is none, 30 for nonsense."""
    told = answer.headers.get("Retry-After", "").strip()
    if not told:
        return untold
    if told.isascii() and told.isdigit():
        return max(1.0, float(told[:_LONGEST_HOLD_DIGITS]))
    try:
        moment = parsedate_to_datetime(told)
    except ValueError:
        return _UNTOLD_HOLD_SECONDS
    return max(1.0, (_aware(moment) - answer.received_at).total_seconds())


def _aware(moment: datetime) -> datetime:
    """A date without a zone (an HTTP date in `-0000`) is UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
