"""A line as the event or the rejection that it is."""

from datetime import UTC, datetime

from meeting_etl.webhook_logs.events import Event, Rejected, read_event
from meeting_etl_tests.webhook_logs.samples import NOW

ENDED_AT = datetime(2021, 5, 14, 20, 26, 54, tzinfo=UTC)


def event_of(raw: bytes, now: datetime = NOW) -> Event:
    found = read_event(raw, now=now)
    assert isinstance(found, Event), found
    return found


def rejected(raw: bytes, now: datetime = NOW) -> Rejected:
    found = read_event(raw, now=now)
    assert isinstance(found, Rejected), found
    return found
