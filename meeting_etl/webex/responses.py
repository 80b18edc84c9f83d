"""What an answer means: a success that can be read, a fault that may pass, or a refusal.

Belongs here: status codes, error bodies, Retry-After, Date, and JSON or text that is or is not what
was asked for. Does not: asking again (client.py), bytes on the wire (transport.py).
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import msgspec

from meeting_etl.errors import (
    AuthError,
    BadResponse,
    Forbidden,
    Gone,
    MeetingEtlError,
    NotFound,
    Refused,
)
from meeting_etl.texts import replace_lone_surrogates
from meeting_etl.webex.transport import Response, TransientError

T = TypeVar("T")

# What says that all was done, by the method. Of a GET 200 alone brings the whole: 206 is a part of
# something and 203 comes from somebody between.
_WHOLE = frozenset({200})
_SUCCESSES = {
    "POST": frozenset({200, 201}),
    "PUT": frozenset({200, 201}),
    "PATCH": frozenset({200}),
    "DELETE": frozenset({200, 202, 204}),
}
# A file without a byte in it may come as "no content".
_WHOLE_TEXT = frozenset({200, 204})

# Beside 5xx: too slow in asking, locked, too early, too many requests.
_TRANSIENT = frozenset({408, 423, 425, 429})
_UNTOLD_HOLD_SECONDS = 30.0
_LONGEST_HOLD_DIGITS = 9
_MESSAGE_LENGTH = 200
# Messages of Webex may quote the request: addresses, links and anything as long as a token go.
_UNFIT = re.compile(r"\S*@\S*|[a-z]+://\S*|Bearer\s+\S+|[\w.~+/=-]{60,}|[\x00-\x1f\x7f]", re.I)
_TRACKING_ID = re.compile(r"[\w.:-]{1,100}")
# At least one of these is in every error body of the API; gateways and proxies send pages.
_ERROR_FIELDS = frozenset({"message", "errors", "trackingId"})
# What OAuth puts in its place (RFC 6749, section 5.2); only there, for frameworks use it as well.
_OAUTH_ERROR = "error"
_REFUSALS: dict[int, tuple[type[Refused], str]] = {
    403: (Forbidden, "the token's scopes, its role or WEBEX_TOKEN_KIND do not allow it"),
    404: (NotFound, "it is not there, not yet, or not for this token"),
    410: (Gone, "it was removed"),
}


class NotWebexApi(TransientError):
    """An answer that the API would not give: a gateway, a proxy or another host answered."""


def error_for(answer: Response) -> MeetingEtlError:
    """What an answer other than a success means. The only reader of status codes.

    Passing (a BadResponse) for what is worth asking again: 408, 423, 425, 429 and all 5xx; only the
    Retry-After of 429 holds up all requests. AuthError for 401, a kind of Refused for other 4xx,
    BadResponse for a redirect. A 2xx that is not the success of what was asked is worth asking
    again, too, and so is a refusal that is not the API's own (NotWebexApi).
    """
    status = answer.status
    told = f"Webex answered {status} to {answer.asked}{_message(answer)}"
    if is_transient(status):
        hold = retry_after_seconds(answer, default=_UNTOLD_HOLD_SECONDS if status == 429 else None)
        return TransientError(
            told,
            status,
            retry_after_seconds=hold,
            pauses_all=status == 429,
            consumes_attempt=status != 429,
            response_too_large=status == 504,
            not_processed=status in (423, 425, 429),
        )
    if 200 <= status < 300:
        return TransientError(f"{told}: this is not the whole answer", status)
    if status >= 400 and not _is_of_the_api(answer):
        return NotWebexApi(f"{told}: this does not look like the Webex API", status)
    if status == 401:
        return AuthError(f"{told}: the access token is refused")
    if status >= 400:
        kind, meaning = _REFUSALS.get(status, (Refused, "the request does not suit Webex"))
        return kind(f"{told}: {meaning}.", status)
    return BadResponse(f"{told}: this is not the API, check WEBEX_BASE_URL.", status)


def is_transient(status: int) -> bool:
    """Whether a status says that the same request may be answered another time."""
    return status in _TRANSIENT or status >= 500


def _is_of_the_api(answer: Response) -> bool:
    """Whether a refusal has the API's error body or, where it has none, the API's header.

    Of a body that broke off nobody knows whose it was. Even so a 401 is judged by its head:
    that a token is renewed once too often does no harm.
    """
    if answer.cut and answer.status != 401:
        return False
    if not answer.body.strip():
        return bool(answer.headers.get("trackingId", "").strip())
    body = _decoded(answer.body)
    if not isinstance(body, dict):
        return False
    is_grant = answer.asked.endswith("/access_token")
    return bool(_ERROR_FIELDS & body.keys()) or (is_grant and _OAUTH_ERROR in body)


def read_with(answer: Response, read: Callable[[Response], T]) -> T:
    """What `read` makes of a success; raises what `error_for` says of anything else."""
    whole = _WHOLE_TEXT if read is text_body else _WHOLE
    if answer.status in _SUCCESSES.get(answer.asked.partition(" ")[0], whole):
        return read(answer)
    raise error_for(answer)


def json_object(answer: Response) -> dict[str, Any]:
    """The JSON object of an answer; raises Passing when it is none."""
    found = _decoded(answer.body)
    if found is None:
        found = _decoded(replace_lone_surrogates(answer.body))
    if found is None:
        raise NotWebexApi(f"The answer to {answer.asked} is not JSON", answer.status)
    if not isinstance(found, dict):
        raise TransientError(f"The answer to {answer.asked} is not a JSON object", answer.status)
    return found


def _decoded(body: bytes) -> Any:
    """The JSON document; None when it is none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def text_body(answer: Response) -> bytes:
    """The file of text that answers; raises Passing for a page or JSON in its place."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    begin = answer.body[:100].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    is_page = kind == "text/html" or begin.startswith((b"<!doctype html", b"<html"))
    if is_page or isinstance(_decoded(answer.body), dict):
        raise TransientError(f"The answer to {answer.asked} is not a file of text", answer.status)
    return answer.body


def no_content(answer: Response) -> None:
    """Of an answer whose status says all, as 204 does."""


def json_items(answer: Response) -> list[dict[str, Any]]:
    """The objects in `items` of an answer; raises Passing when there are none such."""
    items = json_object(answer).get("items")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise TransientError(f"The answer to {answer.asked} has no list of items", answer.status)
    return items


def clock_ahead(answer: Response) -> timedelta | None:
    """How far our clock is ahead of the Date of an answer; None when it has none.

    Dates are whole seconds and answers travel: a second or two mean nothing.
    """
    moment = _http_date(answer.headers.get("Date", ""))
    return None if moment is None else answer.received_at - moment


def _message(answer: Response) -> str:
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


def retry_after_seconds(answer: Response, *, default: float | None) -> float | None:
    """Seconds of Retry-After, at least one; `default` when there is none, 30 for nonsense.

    A date is one of the clock that the answer's own Date comes from; ours may be wrong.
    """
    told = answer.headers.get("Retry-After", "").strip()
    if not told:
        return default
    if told.isascii() and told.isdigit():
        return max(1.0, float(told[:_LONGEST_HOLD_DIGITS]))
    moment = _http_date(told)
    if moment is None:
        return _UNTOLD_HOLD_SECONDS
    now = _http_date(answer.headers.get("Date", "")) or answer.received_at
    return max(1.0, (moment - now).total_seconds())


def _http_date(told: str) -> datetime | None:
    """The moment that a header tells of; None for nonsense. Without a zone (`-0000`) it is UTC."""
    try:
        moment = parsedate_to_datetime(told)
    except (ValueError, OverflowError):  # a year of twenty digits
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
