"""Which created meetings wait for a decision on recording, and what each outcome is as a row.

Belongs here: finding created events without a final row, the closed sets of results and reasons,
when a fault is tried again. Does not: asking Webex and committing (auto_record.py), what the policy
matches (policy.py).
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from meeting_etl.errors import BadResponse, Forbidden, Gone, NotFound, Refused
from meeting_etl.lake.lake import Lake
from meeting_etl.pipeline.auto_record.policy import Policy
from meeting_etl.pipeline.rows import Row
from meeting_etl.schemas import AUTO_RECORD_ACTIONS, WEBHOOK_EVENTS
from meeting_etl.times import Span, utc_day
from meeting_etl.webhook_logs.meeting_ids import scheduled_id

# Created events that were received earlier are not looked at: their meetings are over, mostly.
LOOK_BACK = timedelta(days=7)
# Rows are looked for further back: an event may be delivered again days later.
REMEMBERED = timedelta(days=30)
# REST may lag behind a webhook (docs/webex-api-notes.md): until then a 404 is not believed.
LAG = timedelta(hours=1)
FIRST_RETRY = timedelta(minutes=15)
LAST_RETRY = timedelta(hours=6)
# Beside LAG, for events of which it is not known when they were received.
MOST_MISSES = 3

_CREATED = {"resource": ["meetings"], "event": ["created"]}


class ActionResult(StrEnum):
    """What a row says; the last two are tried again, all others are final for the policy."""

    SWITCHED_ON = "switched_on"
    ALREADY_ON = "already_on"
    WOULD_SWITCH_ON = "would_switch_on"
    NO_MATCH = "no_match"
    OVER = "over"
    PERSONAL_ROOM = "personal_room"
    AD_HOC = "ad_hoc"
    REFUSED = "refused"
    NOT_FOUND = "not_found"
    SWITCHING = "switching"
    FAILED = "failed"


class ActionReason(StrEnum):
    """Why a meeting is refused (the first five), or why it is tried again."""

    FORBIDDEN = "forbidden"
    IN_PROGRESS = "in_progress"
    NOT_ALLOWED = "not_allowed"
    NOT_TAKEN = "not_taken"
    OTHER = "other"
    NOT_THERE_YET = "not_there_yet"
    NO_ANSWER = "no_answer"


NOT_FINAL = frozenset({ActionResult.SWITCHING, ActionResult.FAILED})
REFUSALS = frozenset({ActionResult.REFUSED, ActionResult.PERSONAL_ROOM, ActionResult.AD_HOC})
# Webex's words are all that tells these apart: the status codes are not documented (T23).
_WORDS: tuple[tuple[str, ActionResult, ActionReason | None], ...] = (
    ("in progress", ActionResult.REFUSED, ActionReason.IN_PROGRESS),
    ("personal room", ActionResult.PERSONAL_ROOM, None),
    ("ad-hoc", ActionResult.AD_HOC, None),
    ("ad hoc", ActionResult.AD_HOC, None),
    ("not allowed for this api", ActionResult.REFUSED, ActionReason.NOT_ALLOWED),
)


@dataclass(frozen=True)
class CreatedMeeting:
    """A meeting that was created: what its event told, and its row if there is one.

    `date` is the partition: that of the row, else the UTC day on which the event was received.
    """

    meeting_id: str
    date: date
    received_at: datetime | None
    host_email: str | None
    site_url: str | None
    before: Row | None = None

    @property
    def tries(self) -> int:
        """How often it was tried in vain."""
        tried = self.before is not None and self.before["result"] in NOT_FINAL
        return self.before["attempts"] if self.before and tried else 0

    @property
    def was_switching(self) -> bool:
        """Whether a PATCH may have been sent whose outcome is not known."""
        return self.before is not None and self.before["result"] == ActionResult.SWITCHING


def undecided_meetings(
    lake: Lake, policy: Policy, now: datetime, *, again: bool
) -> list[CreatedMeeting]:
    """Meetings whose created event was received lately and that have no final row.

    Costs a look at one column of the days of LOOK_BACK, whatever came before them. `again`: a
    refusal is not final.
    """
    today = utc_day(now)
    told: dict[str, date] = {}
    # An event may be dated up to a day ahead.
    for day in Span(today - LOOK_BACK, today + timedelta(days=1)):
        ids = lake.read(WEBHOOK_EVENTS, day, columns=["resource_id"], where=_CREATED)
        for meeting_id in ids["resource_id"].unique().to_pylist():
            if scheduled_id(meeting_id):
                told.setdefault(meeting_id, day)
    if not told:
        return []
    rows = _rows_since(lake, today - REMEMBERED)
    waiting: dict[date, list[str]] = defaultdict(list)
    for meeting_id, day in told.items():
        if _waits(rows.get(meeting_id), policy, now, again=again):
            waiting[day].append(meeting_id)
    return [created for day, ids in waiting.items() for created in _created(lake, day, ids, rows)]


def _created(
    lake: Lake, day: date, ids: list[str], rows: dict[str, Row]
) -> Iterator[CreatedMeeting]:
    """What the first created event of each of these meetings told."""
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
        yield CreatedMeeting(
            meeting_id,
            before["date"] if before else day,
            event["received_at"],
            text_field(data, "hostEmail"),
            text_field(data, "siteUrl"),
            before,
        )


def _rows_since(lake: Lake, first: date) -> dict[str, Row]:
    """Rows by meeting id, with their partition as `date`."""
    return {
        row["meeting_id"]: row | {"date": day}
        for day in map(date.fromisoformat, lake.partitions(AUTO_RECORD_ACTIONS))
        if day >= first
        for row in lake.read(AUTO_RECORD_ACTIONS, day).to_pylist()
    }


def _waits(row: Row | None, policy: Policy, now: datetime, *, again: bool) -> bool:
    """Whether a meeting is to be decided on, given its row."""
    if row is None:
        return True
    result = row["result"]
    if result in NOT_FINAL:
        # A dry run leaves alone what a real one has begun.
        mine = row["dry_run"] or not policy.dry_run
        return mine and (row["next_attempt_at"] is None or row["next_attempt_at"] <= now)
    if (
        result in (ActionResult.NO_MATCH, ActionResult.WOULD_SWITCH_ON)
        and row["policy_id"] != policy.id
    ):
        return True
    if result == ActionResult.WOULD_SWITCH_ON:
        return not policy.dry_run
    return again and result in REFUSALS


def text_field(item: Mapping[str, Any], name: str) -> str | None:
    """A field that is text; None for anything else."""
    value = item.get(name)
    return value if isinstance(value, str) and value else None


def refusal_row(error: Refused, created: CreatedMeeting, now: datetime) -> Row:
    """What a refusal makes of the row. A 404 is not believed at once."""
    told: Row = {"http_status": error.http_status}
    if isinstance(error, NotFound | Gone):
        if isinstance(error, NotFound) and not _is_late(created, now):
            return told | _fault(created, now, ActionReason.NOT_THERE_YET)
        return told | {"result": ActionResult.NOT_FOUND}
    words = str(error).lower()
    for phrase, result, reason in _WORDS:
        if phrase in words:
            return told | {"result": result, "reason": reason}
    reason = ActionReason.FORBIDDEN if isinstance(error, Forbidden) else ActionReason.OTHER
    return told | {"result": ActionResult.REFUSED, "reason": reason}


def fault_row(error: BadResponse, created: CreatedMeeting, now: datetime, *, sent: bool) -> Row:
    """What a passing fault makes of the row; `sent`: the PATCH may have been heard."""
    told: Row = {"http_status": error.http_status}
    return told | _fault(created, now, ActionReason.NO_ANSWER, sent=sent)


def _fault(
    created: CreatedMeeting, now: datetime, reason: ActionReason, *, sent: bool = False
) -> Row:
    """A row that is tried again: after 15 minutes, then at doubled intervals up to 6 hours."""
    delay = min(FIRST_RETRY * 2 ** min(created.tries, 8), LAST_RETRY)
    result = ActionResult.SWITCHING if sent or created.was_switching else ActionResult.FAILED
    return {"result": result, "reason": reason, "next_attempt_at": now + delay}


def _is_late(created: CreatedMeeting, now: datetime) -> bool:
    if created.tries + 1 >= MOST_MISSES:
        return True
    return created.received_at is not None and now - created.received_at >= LAG
