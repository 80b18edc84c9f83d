"""What a response means: a success, a transient fault or a refusal.

Belongs here: status codes, error bodies, Retry-After, Date, and whether a body is the JSON or text
that was requested. Does not: retries (client.py), bytes on the wire (transport.py).
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

# A GET is complete with 200 only: 206 is a part of something, 203 comes from an intermediary.
_COMPLETE = frozenset({200})
_COMPLETE_TEXT = frozenset({200, 204})  # an empty file may be "no content"
_SUCCESSES = {
    "POST": frozenset({200, 201}),
    "PUT": frozenset({200, 201}),
    "PATCH": frozenset({200}),
    "DELETE": frozenset({200, 202, 204}),
}
# Besides 5xx: request timeout, locked, too early, too many requests.
_TRANSIENT = frozenset({408, 423, 425, 429})
_DEFAULT_RETRY_AFTER_SECONDS = 30.0
_DELAY_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")
_MAX_RETRY_AFTER_DIGITS = 9
_MESSAGE_LENGTH = 200
# Webex's messages may quote the request: addresses, links and anything as long as a token go.
_SENSITIVE = re.compile(
    r"\S*@\S*|[a-z]+://\S*|Bearer\s+\S+|[\w.~+/=-]{60,}|[\x00-\x1f\x7f]", re.IGNORECASE
)
_TRACKING_ID = re.compile(r"[\w.:-]{1,100}")
# Every error body of the API has at least one of these; gateways and proxies send pages.
_ERROR_FIELDS = frozenset({"message", "errors", "trackingId"})
# OAuth's error field (RFC 6749, section 5.2); only for grants, since frameworks use it as well.
_OAUTH_ERROR = "error"
_REFUSALS: dict[int, tuple[type[Refused], str]] = {
    403: (Forbidden, "the token's scopes, its role or WEBEX_TOKEN_KIND do not allow it"),
    404: (NotFound, "not found (it may not exist yet, or this token may not see it)"),
    410: (Gone, "it has been removed"),
}


class NotWebexApi(TransientError):
    """A response that the API does not send: a gateway, a proxy or another host responded."""


def error_for(response: Response) -> MeetingEtlError:
    """What a response other than a success means. The only reader of status codes.

    - TransientError for 408, 423, 425, 429 and 5xx; only the Retry-After of 429 pauses all
      requests. Also for a 2xx that is not the success of this method.
    - NotWebexApi, a TransientError, for a refusal that is not the API's own.
    - AuthError for 401, a kind of Refused for other 4xx, BadResponse for a redirect.
    """
    status = response.status
    sentence = f"Webex responded {status} to {response.request}{_message(response)}"
    if is_transient(status):
        default = _DEFAULT_RETRY_AFTER_SECONDS if status == 429 else None
        return TransientError(
            sentence,
            status,
            retry_after_seconds=retry_after_seconds(response, default=default),
            pauses_all=status == 429,
            consumes_attempt=status != 429,
            response_too_large=status == 504,
            not_processed=status in (423, 425, 429),
        )
    if 200 <= status < 300:
        return TransientError(f"{sentence}: the response is not complete", status)
    if status >= 400 and not _is_from_webex(response):
        return NotWebexApi(f"{sentence}: this does not look like the Webex API", status)
    if status == 401:
        return AuthError(f"{sentence}: the access token was rejected")
    if status >= 400:
        kind, meaning = _REFUSALS.get(status, (Refused, "Webex rejected the request as invalid"))
        return kind(f"{sentence}: {meaning}.", status)
    return BadResponse(f"{sentence}: unexpected redirect, check WEBEX_BASE_URL.", status)


def is_transient(status: int) -> bool:
    """Whether the same request may succeed later, by its status."""
    return status in _TRANSIENT or status >= 500


def _is_from_webex(response: Response) -> bool:
    """Whether a refusal has the API's error body or, when empty, the API's header.

    A truncated body has no recognisable sender. Even so a 401 is judged by its head: renewing a
    token once too often does no harm.
    """
    if response.truncated and response.status != 401:
        return False
    if not response.body.strip():
        return has_tracking_header(response)
    body = _decode(response.body)
    if not isinstance(body, dict):
        return False
    is_grant = response.request.endswith("/access_token")
    return bool(_ERROR_FIELDS & body.keys()) or (is_grant and _OAUTH_ERROR in body)


def read_with(response: Response, read: Callable[[Response], T]) -> T:
    """What `read` makes of a success; raises what `error_for` returns for anything else."""
    complete = _COMPLETE_TEXT if read is text_body else _COMPLETE
    if response.status in _SUCCESSES.get(response.request.partition(" ")[0], complete):
        return read(response)
    raise error_for(response)


def read_recognized(response: Response, read: Callable[[Response], T]) -> T:
    """As `read_with`; raises NotWebexApi for a refusal without trackingId, a 401 too.

    Webex gives one to every request; gateways refuse in JSON with a `message`, too.
    """
    try:
        return read_with(response, read)
    except (AuthError, Refused) as error:
        body = _decode(response.body)
        in_body = body.get("trackingId") if isinstance(body, dict) else None
        if in_body or has_tracking_header(response):
            raise
        raise NotWebexApi(f"{error} It has no trackingId", response.status) from error


def has_tracking_header(response: Response) -> bool:
    """Whether the header is there in which Webex names each request."""
    return bool(response.headers.get("trackingId", "").strip())


def json_object(response: Response) -> dict[str, Any]:
    """The JSON object of a response; raises TransientError when it has none."""
    document = _decode(response.body)
    if document is None:
        document = _decode(replace_lone_surrogates(response.body))
    if document is None:
        raise NotWebexApi(f"The response to {response.request} is not JSON", response.status)
    if not isinstance(document, dict):
        message = f"The response to {response.request} is not a JSON object"
        raise TransientError(message, response.status)
    return document


def json_items(response: Response) -> list[dict[str, Any]]:
    """The objects in `items` of a response; raises TransientError when there is no such list."""
    items = json_object(response).get("items")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        message = f"The response to {response.request} has no list of items"
        raise TransientError(message, response.status)
    return items


def text_body(response: Response) -> bytes:
    """The text file of a response; raises TransientError for a web page or JSON in its place."""
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    begin = response.body[:100].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    is_page = media_type == "text/html" or begin.startswith((b"<!doctype html", b"<html"))
    if is_page or isinstance(_decode(response.body), dict):
        message = f"The response to {response.request} is not a text file"
        raise TransientError(message, response.status)
    return response.body


def no_content(response: Response) -> None:
    """Of a response whose status says everything, as 204 does."""


def clock_ahead(response: Response) -> timedelta | None:
    """How far our clock is ahead of the response's Date; None without one.

    Dates are whole seconds and responses take time: a second or two mean nothing.
    """
    date = _http_date(response.headers.get("Date", ""))
    return None if date is None else response.received_at - date


def retry_after_seconds(response: Response, *, default: float | None) -> float | None:
    """Seconds of Retry-After, at least one; `default` without one, 30 when it is not valid.

    A date is compared with the response's own Date, since our clock may be wrong. Some gateways
    send fractions of a second, which HTTP does not know.
    """
    value = response.headers.get("Retry-After", "").strip()
    if not value:
        return default
    if _DELAY_SECONDS.fullmatch(value):
        return max(1.0, float(value[:_MAX_RETRY_AFTER_DIGITS]))
    retry_at = _http_date(value)
    if retry_at is None:
        return _DEFAULT_RETRY_AFTER_SECONDS
    now = _http_date(response.headers.get("Date", "")) or response.received_at
    return max(1.0, (retry_at - now).total_seconds())


def _decode(body: bytes) -> Any:
    """The JSON document; None when it is not one."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _message(response: Response) -> str:
    """Webex's own message and tracking id; nothing else of the body goes into an error."""
    body = _decode(response.body)
    fields = body if isinstance(body, dict) else {}
    message = fields.get("message")
    words = f": {_without_secrets(message)}" if isinstance(message, str) and message.strip() else ""
    ids = (str(fields.get("trackingId", "")), response.headers.get("trackingId", ""))
    tracking_id = next(filter(_TRACKING_ID.fullmatch, ids), response.tracking_id)
    return f"{words} (trackingId {tracking_id})"


def _without_secrets(text: str) -> str:
    text = " ".join(_SENSITIVE.sub(" … ", text).split())
    return text if len(text) <= _MESSAGE_LENGTH else f"{text[: _MESSAGE_LENGTH - 1]}…"


def _http_date(value: str) -> datetime | None:
    """The moment that a header names; None when it is not valid. Without a zone it is UTC."""
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # a year of twenty digits
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
