"""One line of a webhook log → an Event, or Rejected with the reason.

Belongs here: what a webhook payload and its envelope look like, which end of a meeting is believed,
and the closed set of reasons for which a line is rejected. Does not: finding lines (reading.py),
folding events into meetings (pipeline/meetings.py), signatures (receiver.py).

A line is a payload as Webex posted it, or an envelope `{"received_at", "headers", "body"}` around
one; a payload may also carry `received_at` itself. Payloads are described in webex-api.md section
5: they hold neither an id nor a time of the event, and their `created` is that of the webhook.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from meeting_etl.texts import whole_characters
from meeting_etl.times import parse_timestamp
from meeting_etl.webhooks.ids import instance_id
from meeting_etl.webhooks.payloads import UsualData, UsualLine
from meeting_etl.webhooks.redaction import without_secrets

EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
LATEST_AHEAD = timedelta(hours=24)

_BOM = b"\xef\xbb\xbf"
_OWN_NAMES = (
    *("meetings", "recordings", "meetingParticipants", "meetingTranscripts"),
    *("created", "updated", "deleted", "started", "ended", "joined", "left"),
)
_NAMES = {spelled: name for name in _OWN_NAMES for spelled in (name, name.lower())}


class Reason(StrEnum):
    """Why a line is rejected; the last four concern `meetings`/`ended` only."""

    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    NOT_A_WEBHOOK_PAYLOAD = "not_a_webhook_payload"
    TOO_LONG = "too_long"
    NO_MEETING_ID = "no_meeting_id"
    NO_END = "no_end"
    UNREADABLE_END = "unreadable_end"
    END_OUT_OF_RANGE = "end_out_of_range"


class Event(msgspec.Struct, frozen=True, gc=False):
    """What a line says.

    `received_at` is None when the line does not say, or nothing believable. `meeting_id` is the id
    of a meeting instance or None; `resource_id` is `data.id`. `meeting_ended_at` is there for
    `meetings`/`ended` and for nothing else. `body` is the payload alone, UTF-8 JSON, without
    secrets. Moments are aware, in UTC.
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
        """The moment whose UTC day is the received_date; None when the line names none."""
        return self.received_at or self.meeting_ended_at


class Rejected(msgspec.Struct, frozen=True, gc=False):
    """Why a line is no event: a code, and a sentence that never quotes the line."""

    reason: Reason
    detail: str
    received_at: datetime | None = None


class _Envelope(msgspec.Struct):
    body: msgspec.Raw


_decode_usual = msgspec.json.Decoder(UsualLine).decode
_decode = msgspec.json.Decoder().decode
_decode_envelope = msgspec.json.Decoder(_Envelope).decode


def read_event(line: bytes, *, now: datetime) -> Event | Rejected:
    """Read one line, without its newline. Never raises, whatever the bytes.

    `now` (aware) bounds what is believed: a received_at more than 24 hours ahead of it is None.
    """
    try:
        line = line.strip(b" \t\r\n")
        return _read_usual(line, now) or _read_carefully(line, now)
    except UnicodeDecodeError as error:
        return Rejected(Reason.NOT_UTF8, f"It is not UTF-8 from byte {error.start} on.")
    except msgspec.DecodeError as error:
        return Rejected(Reason.NOT_JSON, _what_is_wrong(line, error))
    except RecursionError:
        return Rejected(Reason.NOT_JSON, "Its objects or arrays are nested too deeply.")


def _read_usual(line: bytes, now: datetime) -> Event | Rejected | None:
    """The quick way, for lines of known fields only; None for all others.

    Decoding texts checks that they are UTF-8; what it passes over has to be looked at.
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
    return _judged(body, resource, event, data, _received_at(received_at, now), now)


def _read_carefully(line: bytes, now: datetime) -> Event | Rejected:
    line.decode()
    line, document = _decoded(line)
    if type(document) is not dict:
        return Rejected(Reason.NOT_AN_OBJECT, "It is JSON, but not an object.")
    received_at = _received_at(document.get("received_at"), now)
    lacking = _lacking(document)
    if lacking and "body" in document:
        line, document = bytes(_decode_envelope(line).body), document["body"]
        lacking = _lacking(document)
    if lacking:
        return Rejected(Reason.NOT_A_WEBHOOK_PAYLOAD, f"It has no {lacking}.", received_at)
    data = document["data"]
    return _judged(
        without_secrets(line, document),
        document["resource"],
        document["event"],
        UsualData(id=data.get("id"), meeting_id=data.get("meetingId"), end=data.get("end")),
        received_at,
        now,
    )


def _decoded(line: bytes) -> tuple[bytes, Any]:
    """The line as valid JSON, and what it says."""
    try:
        return line, _decode(line)
    except msgspec.DecodeError:
        mended = _mended(line)
        if mended == line:
            raise
        return mended, _decode(mended)


def _mended(line: bytes) -> bytes:
    """Without the two faults that good senders make: a BOM within joined files, and halves."""
    return whole_characters(line.removeprefix(_BOM))


def _lacking(payload: object) -> str:
    """What keeps this from being a webhook payload, in words; empty when it is one."""
    if type(payload) is not dict:
        return "object as its body"
    for name in ("resource", "event"):
        if type(payload.get(name)) is not str:
            return f"text called {name}"
    return "" if type(payload.get("data")) is dict else "object called data"


def _received_at(value: object, now: datetime) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = parse_timestamp(value)
    except ValueError:
        return None
    believable = moment is not None and moment >= EARLIEST and moment - now <= LATEST_AHEAD
    return moment if believable else None


def _judged(
    body: bytes,
    resource: str,
    event: str,
    data: UsualData,
    received_at: datetime | None,
    now: datetime,
) -> Event | Rejected:
    """The names of resource and event are taken in any case, and given in Webex's own."""
    resource = _NAMES.get(resource) or _NAMES.get(resource.lower(), resource)
    event = _NAMES.get(event) or _NAMES.get(event.lower(), event)
    resource_id = data.id if isinstance(data.id, str) else None
    meeting_id = instance_id(resource_id if resource == "meetings" else data.meeting_id)
    ended_at = None
    if resource == "meetings" and event == "ended":
        if meeting_id is None:
            detail = "Its data.id is not the id of a meeting instance."
            return Rejected(Reason.NO_MEETING_ID, detail, received_at)
        end = _end(data.end, received_at, now)
        if isinstance(end, Rejected):
            return end
        ended_at = end
    return Event(received_at, resource, event, meeting_id, resource_id, ended_at, body)


def _end(value: object, received_at: datetime | None, now: datetime) -> datetime | Rejected:
    """The end of a meeting, if it is believable when it was received, or else now."""
    if value is None or value == "":
        return Rejected(Reason.NO_END, "Its data.end is missing or empty.", received_at)
    if type(value) is not str:
        return Rejected(Reason.UNREADABLE_END, "Its data.end is not a text.", received_at)
    try:
        moment = parse_timestamp(value)
    except ValueError:
        detail = "Its data.end is not an ISO 8601 date and time."
        return Rejected(Reason.UNREADABLE_END, detail, received_at)
    if moment is None:
        return Rejected(Reason.NO_END, "Its data.end is 1970, that is, not known.", received_at)
    if moment < EARLIEST:
        detail = "Its data.end lies before 2015."
        return Rejected(Reason.END_OUT_OF_RANGE, detail, received_at)
    if moment - (received_at or now) > LATEST_AHEAD:
        detail = "Its data.end lies more than 24 hours after it was received."
        return Rejected(Reason.END_OUT_OF_RANGE, detail, received_at)
    return moment


def _what_is_wrong(line: bytes, error: msgspec.DecodeError) -> str:
    """In words of our own: a message of the decoder could quote the line."""
    if b"\0" in line:
        return "It holds NUL bytes, which a crash of the machine that wrote it can leave."
    if isinstance(error, msgspec.ValidationError):
        return "It holds a number that is out of range."
    message = str(error)
    if "truncated" in message:
        return "It ends in the middle of the JSON."
    if "trailing characters" in message:
        return "Something follows the JSON on the same line."
    return "It is not JSON."
