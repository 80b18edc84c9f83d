"""Webhook events written to the lake and announced, as ingest does it."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from meeting_etl.lake.lake import Lake
from meeting_etl.lake.meeting_index import MeetingIndex, Mention
from meeting_etl.pipeline.ledger.ledger import Ledger
from meeting_etl.schemas import WEBHOOK_EVENTS

SERIES = "501e995485e2460bb129410116757b13"


def moment(text: str) -> datetime:
    """`2026-03-02 10:30` in UTC."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


@dataclass
class LoggedEvent:
    """One event: when it was received, what it was, and the data of its payload."""

    received: str | None
    event: str
    data: dict[str, Any]
    resource: str = "meetings"


def ended(received: str | None, number: int, end: str, **data: Any) -> LoggedEvent:
    """A meetings/ended event of instance `number`."""
    stamp = end.replace(" ", "T") + ":00Z"
    return LoggedEvent(received, "ended", {"id": f"{SERIES}_I_{number}", "end": stamp} | data)


def commit_events(
    lake: Lake, ledger: Ledger, events: Sequence[LoggedEvent], *, log_id: str = "log"
) -> None:
    """Commit events as ingest does: events, index, announcement."""
    rows: dict[date | None, list[dict[str, Any]]] = defaultdict(list)
    mentions: dict[Mention, set[str]] = defaultdict(set)
    for number, logged in enumerate(events):
        received = moment(logged.received) if logged.received else None
        day = received.date() if received else None
        end = logged.data.get("end") if logged.event == "ended" else None
        ended_at = datetime.fromisoformat(end) if end else None
        meeting_id = logged.data["id" if logged.resource == "meetings" else "meetingId"]
        rows[day].append(
            {
                "log_id": log_id,
                "byte_offset": number,
                "received_at": received,
                "resource": logged.resource,
                "event": logged.event,
                "meeting_id": meeting_id,
                "meeting_ended_at": ended_at,
                "body": json.dumps({"resource": logged.resource, "data": logged.data}),
            }
        )
        mention = Mention(meeting_id, day, ended_at.date() if ended_at else None)
        mentions[mention].add(logged.resource)
    for day, day_rows in rows.items():
        lake.merge(WEBHOOK_EVENTS, day, day_rows)
    index = MeetingIndex(lake)
    index.add(mentions)
    resources: dict[str, set[str]] = defaultdict(set)
    for mention, of_events in mentions.items():
        resources[mention.meeting_id] |= of_events
    news: dict[date, dict[str, set[str]]] = defaultdict(dict)
    for meeting_id, known in index.find({mention.meeting_id for mention in mentions}).items():
        for mention in known:
            if mention.date:
                news[mention.date][meeting_id] = resources[meeting_id]
    ledger.announce(news)
