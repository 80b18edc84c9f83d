"""Created meetings that wait for a decision on recording.

Belongs here: finding created events without a final row in auto_record_actions. Does not: deciding
(auto_record.py), what the policy matches (policy.py).
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from meeting_etl.lake.lake import Lake
from meeting_etl.pipeline.auto_record.policy import Policy
from meeting_etl.pipeline.auto_record.results import NOT_FINAL, REFUSALS, ActionResult
from meeting_etl.pipeline.rows import Row
from meeting_etl.privacy.pseudonyms import is_replaced
from meeting_etl.schemas import AUTO_RECORD_ACTIONS, WEBHOOK_EVENTS
from meeting_etl.times import Span, utc_day
from meeting_etl.webhook_logs.meeting_ids import scheduled_id

# Created events received earlier are ignored: most of their meetings are over.
LOOK_BACK = timedelta(days=7)
# Rows are read from further back: an event may be delivered again days later.
REMEMBERED = timedelta(days=30)

_CREATED = {"resource": ["meetings"], "event": ["created"]}


@dataclass(frozen=True)
class CreatedMeeting:
    """A meeting as its created event describes it, with the row of an earlier decision if any.

    `date` is the partition: that of the row, else the UTC day on which the event was received.
    """

    meeting_id: str
    date: date
    received_at: datetime | None
    host_email: str | None
    site_url: str | None
    before: Row | None = None

    @property
    def failed_attempts(self) -> int:
        """How many attempts have failed so far."""
        failed = self.before is not None and self.before["result"] in NOT_FINAL
        return self.before["attempts"] if self.before and failed else 0

    @property
    def was_switching(self) -> bool:
        """Whether a PATCH may have been sent whose outcome is unknown."""
        return self.before is not None and self.before["result"] == ActionResult.SWITCHING


def undecided_meetings(
    lake: Lake, policy: Policy, now: datetime, *, again: bool
) -> list[CreatedMeeting]:
    """Meetings whose created event was received within LOOK_BACK and that have no final row.

    Reads one column of these days, whatever the history. `again`: a refusal is not final.
    """
    today = utc_day(now)
    day_by_id: dict[str, date] = {}
    # An event may be dated up to a day ahead.
    for day in Span(today - LOOK_BACK, today + timedelta(days=1)):
        ids = lake.read(WEBHOOK_EVENTS, day, columns=["resource_id"], where=_CREATED)
        for meeting_id in ids["resource_id"].unique().to_pylist():
            if scheduled_id(meeting_id):
                day_by_id.setdefault(meeting_id, day)
    if not day_by_id:
        return []
    rows = _rows_since(lake, today - REMEMBERED)
    ids_by_day: dict[date, list[str]] = defaultdict(list)
    for meeting_id, day in day_by_id.items():
        if _is_undecided(rows.get(meeting_id), policy, now, again=again):
            ids_by_day[day].append(meeting_id)
    return [
        created for day, ids in ids_by_day.items() for created in _created(lake, day, ids, rows)
    ]


def text_field(item: Mapping[str, Any], name: str) -> str | None:
    """A field that is non-empty text; None for anything else."""
    value = item.get(name)
    return value if isinstance(value, str) and value else None


def _created(
    lake: Lake, day: date, ids: list[str], rows: Mapping[str, Row]
) -> Iterator[CreatedMeeting]:
    """These meetings, each as the first of its created events describes it."""
    columns = ["resource_id", "received_at", "body"]
    events = lake.read(WEBHOOK_EVENTS, day, columns=columns, where={**_CREATED, "resource_id": ids})
    seen = set()
    for event in events.to_pylist():
        meeting_id = event["resource_id"]
        if meeting_id in seen:
            continue
        seen.add(meeting_id)
        data = json.loads(event["body"])["data"]
        before = rows.get(meeting_id)
        host_email = lake.privacy.hosts.clear(text_field(data, "hostEmail"))
        yield CreatedMeeting(
            meeting_id,
            before["date"] if before else day,
            event["received_at"],
            # Patterns are about addresses: without one the meeting is fetched.
            None if host_email and is_replaced(host_email) else host_email,
            text_field(data, "siteUrl"),
            before,
        )


def _rows_since(lake: Lake, first: date) -> dict[str, Row]:
    """Rows by meeting id, with their partition as `date`."""
    return {
        row["meeting_id"]: row | {"date": day}
        for day in lake.days(AUTO_RECORD_ACTIONS)
        if day >= first
        for row in lake.read(AUTO_RECORD_ACTIONS, day).to_pylist()
    }


def _is_undecided(row: Row | None, policy: Policy, now: datetime, *, again: bool) -> bool:
    """Whether a meeting with this row is to be decided on now."""
    if row is None:
        return True
    result = row["result"]
    if result in NOT_FINAL:
        # A dry run does not touch what a real run has begun.
        allowed = row["dry_run"] or not policy.dry_run
        return allowed and (row["next_attempt_at"] is None or row["next_attempt_at"] <= now)
    if result in (ActionResult.NO_MATCH, ActionResult.WOULD_SWITCH_ON):
        if row["policy_id"] != policy.id:
            return True
        return result == ActionResult.WOULD_SWITCH_ON and not policy.dry_run
    return again and result in REFUSALS
