"""One line of a webhook log → an Event, or Rejected with the reason.

Belongs here: the form of a webhook payload and its envelope, which end of a meeting is accepted,
and the closed set of reasons for rejecting a line. Does not: finding lines (reader.py),
folding events into meetings (pipeline/meetings/fold.py), signatures (receiver/app.py).

A line is a payload as Webex posted it, or an envelope `{"received_at", "headers", "body"}` around
one, with `body_base64` instead of `body` if the body is not one JSON document
(receiver/envelope.py), or anything else with exactly one payload in it (unwrapping.py); a payload
may also have `received_at` itself. Payloads are described in docs/webex-api-notes.md: they have
neither an id nor a time of the event, and their `created` is that of the webhook.
"""

import base64
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec

from meeting_etl.times import parse_timestamp
from meeting_etl.webhook_logs.lenient_json import parse_leniently, what_is_wrong
from meeting_etl.webhook_logs.meeting_ids import instance_id
from meeting_etl.webhook_logs.payloads import UsualData, UsualLine
from meeting_etl.webhook_logs.redaction import without_secrets
from meeting_etl.webhook_logs.unwrapping import (
    Wrapped,
    encoded_body,
    lacking,
    stamps_of,
    unwrap,
    unwrap_text,
)

EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
LATEST_AHEAD = timedelta(hours=24)

_SPACE = b" \t\r\n"
_OWN_NAMES = (
    *("meetings", "recordings", "meetingParticipants", "meetingTranscripts"),
    *("created", "updated", "deleted", "started", "ended", "joined", "left"),
)
_NAMES = {spelled: name for name in _OWN_NAMES for spelled in (name, name.lower())}


class RejectionReason(StrEnum):
    """Why a line is rejected; the last four concern `meetings`/`ended` only."""

    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    NOT_A_WEBHOOK_PAYLOAD = "not_a_webhook_payload"
    SEVERAL_PAYLOADS = "several_payloads"
    TOO_LONG = "too_long"
    NUL_BYTES = "nul_bytes"
    NO_MEETING_ID = "no_meeting_id"
    NO_END = "no_end"
    UNREADABLE_END = "unreadable_end"
    END_OUT_OF_RANGE = "end_out_of_range"


class Event(msgspec.Struct, frozen=True, gc=False):
    """A webhook event.

    `received_at` is None when the line has no plausible one. `meeting_id` is the id of a meeting
    instance or None; `resource_id` is `data.id`. Only `meetings`/`ended` has `meeting_ended_at`.
    `body` is the payload alone, UTF-8 JSON, without secrets. Times are aware, in UTC.
    """

    received_at: datetime | None
    resource: str
    event: str
    meeting_id: str | None
    resource_id: str | None
    meeting_ended_at: datetime | None
    body: bytes

    @property
    def dated_at(self) -> datetime | None:
        """The time whose UTC date is the received_date; None without one."""
        return self.received_at or self.meeting_ended_at


class Rejected(msgspec.Struct, frozen=True, gc=False):
    """Why a line is not an event: a code, and a sentence that never quotes the line.

    `retry_at`: the line may be an event from then on; until then its end is in the future.
    """

    reason: RejectionReason
    detail: str
    received_at: datetime | None = None
    retry_at: datetime | None = None


_decode_usual = msgspec.json.Decoder(UsualLine).decode


def read_event(line: bytes, *, now: datetime) -> Event | Rejected:
    """Read one line, without its newline. Never raises, whatever the bytes.

    A received_at more than 24 hours after `now` (aware) is not accepted.
    """
    return _safely(_read_line, line.strip(_SPACE), None, now)


def _safely(
    read: Callable[[bytes, datetime | None, datetime], Event | Rejected],
    text: bytes,
    received_at: datetime | None,
    now: datetime,
) -> Event | Rejected:
    """The result of `read` for a text that may be anything."""
    try:
        return read(text, received_at, now)
    except UnicodeDecodeError as error:
        detail = f"It is not UTF-8 from byte {error.start} on."
        return Rejected(RejectionReason.NOT_UTF8, detail, received_at)
    except msgspec.DecodeError as error:
        return Rejected(RejectionReason.NOT_JSON, what_is_wrong(text, error), received_at)
    except RecursionError:
        detail = "Its objects or arrays are nested too deeply."
        return Rejected(RejectionReason.NOT_JSON, detail, received_at)


def _read_line(line: bytes, _: datetime | None, now: datetime) -> Event | Rejected:
    return _read_usual(line, now) or _read_carefully(line, now)


def _read_usual(line: bytes, now: datetime) -> Event | Rejected | None:
    """The fast path, for lines with known fields only; None for all others.

    Decoding checks texts for UTF-8; what it skips has to be checked apart.
    """
    try:
        usual, body = _decode_usual(line), line
        received_at = usual.received_at
        if usual.body and usual.resource is None:
            line.decode()
            body = bytes(usual.body)
            usual = _decode_usual(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    resource, event, data = usual.resource, usual.event, usual.data
    if resource is None or event is None or data is None or usual.headers or usual.body:
        return None
    return _event(body, resource, event, data, _received_at(received_at, now), now)


def _read_carefully(line: bytes, now: datetime) -> Event | Rejected:
    line.decode()
    try:
        text, document = parse_leniently(line)
    except msgspec.DecodeError:
        # A logger may write a prefix before the JSON.
        if wrapped := list(unwrap_text(line)):
            return _read_wrapped(wrapped, now)
        raise
    if wrapped := list(unwrap(text, document)):
        return _read_wrapped(wrapped, now)
    if type(document) is not dict:
        return Rejected(RejectionReason.NOT_AN_OBJECT, "It is JSON, but not an object.")
    received_at = _stamp(stamps_of(document), now)
    encoded = encoded_body(document)
    if encoded is not None or ("body_base64" in document and "body" not in document):
        return _reject_encoded(encoded, received_at, now)
    payload = document.get("body", document)
    detail = f"It has no {lacking(payload) or 'webhook payload'}."
    return Rejected(RejectionReason.NOT_A_WEBHOOK_PAYLOAD, detail, received_at)


def _read_wrapped(wrapped: Sequence[Wrapped], now: datetime) -> Event | Rejected:
    """The event of the only payload of a line, which may occur twice, as text and parsed."""
    first = wrapped[0]
    received_at = _stamp(first.stamps, now)
    if any(other.payload != first.payload for other in wrapped):
        detail = "It has several webhook payloads; write one event per line."
        return Rejected(RejectionReason.SEVERAL_PAYLOADS, detail, received_at)
    data = first.payload["data"]
    return _event(
        without_secrets(first.body, first.payload),
        first.payload["resource"],
        first.payload["event"],
        UsualData(id=data.get("id"), meeting_id=data.get("meetingId"), end=data.get("end")),
        received_at,
        now,
    )


def _reject_encoded(
    encoded: object, received_at: datetime | None, now: datetime
) -> Event | Rejected:
    """Why an encoded body, in which no payload was found, is not an event."""
    try:
        body = base64.b64decode(encoded, validate=True)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        detail = "Its body is not base64."
        return Rejected(RejectionReason.NOT_A_WEBHOOK_PAYLOAD, detail, received_at)
    return _safely(_reject_body, body.strip(_SPACE), received_at, now)


def _reject_body(body: bytes, received_at: datetime | None, _: datetime) -> Event | Rejected:
    body.decode()
    detail = f"It has no {lacking(parse_leniently(body)[1]) or 'webhook payload'}."
    return Rejected(RejectionReason.NOT_A_WEBHOOK_PAYLOAD, detail, received_at)


def _stamp(stamps: Sequence[object], now: datetime) -> datetime | None:
    """The first plausible time."""
    return next(filter(None, (_received_at(value, now) for value in stamps)), None)


def _received_at(value: object, now: datetime) -> datetime | None:
    if isinstance(value, datetime):
        received_at: datetime | None = value
    elif isinstance(value, str):
        try:
            received_at = parse_timestamp(value)
        except ValueError:
            return None
    else:
        return None
    is_plausible = (
        received_at is not None and received_at >= EARLIEST and received_at - now <= LATEST_AHEAD
    )
    return received_at if is_plausible else None


def _event(
    body: bytes,
    resource: str,
    event: str,
    data: UsualData,
    received_at: datetime | None,
    now: datetime,
) -> Event | Rejected:
    """Names of resource and event are accepted in any case, and returned in Webex's spelling."""
    resource = _NAMES.get(resource) or _NAMES.get(resource.lower(), resource)
    event = _NAMES.get(event) or _NAMES.get(event.lower(), event)
    resource_id = data.id if isinstance(data.id, str) else None
    meeting_id = instance_id(resource_id if resource == "meetings" else data.meeting_id)
    ended_at = None
    if resource == "meetings" and event == "ended":
        if meeting_id is None:
            detail = "Its data.id is not the id of a meeting instance."
            return Rejected(RejectionReason.NO_MEETING_ID, detail, received_at)
        end = _end(data.end, received_at, now)
        if isinstance(end, Rejected):
            return end
        ended_at = end
    return Event(received_at, resource, event, meeting_id, resource_id, ended_at, body)


def _end(value: object, received_at: datetime | None, now: datetime) -> datetime | Rejected:
    """The end of a meeting, if it is plausible at `received_at`, or without one `now`."""
    if value is None or value == "":
        return Rejected(RejectionReason.NO_END, "Its data.end is missing or empty.", received_at)
    if type(value) is not str:
        return Rejected(
            RejectionReason.UNREADABLE_END, "Its data.end is not a string.", received_at
        )
    try:
        end = parse_timestamp(value)
    except ValueError:
        detail = "Its data.end is not an ISO 8601 date and time."
        return Rejected(RejectionReason.UNREADABLE_END, detail, received_at)
    if end is None:
        return Rejected(
            RejectionReason.NO_END, "Its data.end is 1970, that is, unknown.", received_at
        )
    if end < EARLIEST:
        detail = "Its data.end is before 2015."
        return Rejected(RejectionReason.END_OUT_OF_RANGE, detail, received_at)
    if end - (received_at or now) > LATEST_AHEAD:
        detail = "Its data.end is more than 24 hours after it was received."
        retry_at = None if received_at else end
        return Rejected(RejectionReason.END_OUT_OF_RANGE, detail, received_at, retry_at)
    return end
