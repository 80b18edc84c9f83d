"""The event that is sent, when, and the log that it comes into."""

import json
from datetime import UTC, datetime

from meeting_etl.webhook_logs.events import Event, Rejected, read_event
from meeting_etl_tests.webhook_logs.samples import ended

NOW = datetime(2026, 3, 1, 11, 59, 30, 250_000, tzinfo=UTC)
EVENT = json.dumps(ended()).encode()
LOG = "2026-03-01/webhooks-2026-03-01T11.jsonl"


def read(line: bytes) -> Event | Rejected:
    return read_event(line, now=NOW)
