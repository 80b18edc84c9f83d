"""One row of `meetings` from several sources: webhook events, and what the API returned.

Belongs here: which source counts for each column. Does not: making a row from one source
(meeting_row.py), what is requested and when (pipeline/resources/details.py,
pipeline/ledger/schedule.py).
"""

import json
from datetime import datetime

from meeting_etl.pipeline.rows import Row

# Columns taken from the API's latest response, because no event has them or only an older one.
# All others are taken from events (rule 1), and from the API where events have no value.
_API_COLUMNS = frozenset(
    """
    title scheduled_type host_display_name has_recording has_transcription scheduled_meeting_id
    run_id fetched_at
    """.split()
)
# scheduled_type of a meeting in a personal room; Webex lists it as an ordinary meeting.
PERSONAL_ROOM = "personalRoomMeeting"


def with_details(stored: Row, fetched: Row) -> Row:
    """The stored row of a meeting, updated by a row that was fetched from the API."""
    row = stored | {
        name: value
        for name, value in fetched.items()
        if value is not None and (name in _API_COLUMNS or stored[name] is None)
    }
    return row | {
        "scheduled_type": _scheduled_type(row, stored),
        "duration_seconds": duration_seconds(row),
        "extra": merged_json(stored["extra"], fetched["extra"]),
    }


def with_events(stored: Row, folded: Row, *, all_events: bool = True) -> Row:
    """The row that was folded from events, completed by the stored row of the same meeting.

    Unless `all_events` are still there, the stored row knows of more of them.
    """
    api_columns = _API_COLUMNS if stored["fetched_at"] else frozenset[str]()
    row = folded | {
        name: value
        for name, value in stored.items()
        if value is not None and (name in api_columns or folded.get(name) is None)
    }
    if not all_events:
        row["delivery_count"] = max(stored["delivery_count"], folded["delivery_count"])
        times = filter(None, (stored["first_received_at"], folded["first_received_at"]))
        row["first_received_at"] = min(times, default=None)
    return row | {
        "scheduled_type": _scheduled_type(row, folded),
        "duration_seconds": duration_seconds(row),
        "extra": merged_json(stored["extra"], folded["extra"]),
    }


def without_early_false_flags(row: Row, final_at: datetime) -> Row:
    """A fetched row in which False is NULL before `final_at`: a recording may still appear."""
    if row["fetched_at"] >= final_at:
        return row
    return row | {name: row[name] or None for name in ("has_recording", "has_transcription")}


def duration_seconds(row: Row) -> int | None:
    """Seconds from start to end; None when the start is unknown or after the end."""
    starts, ends = row["started_at"], row["ended_at"]
    return int((ends - starts).total_seconds()) if starts and starts <= ends else None


def _scheduled_type(row: Row, from_events: Row) -> str | None:
    """That of the row, but a personal room stays one."""
    is_room = from_events.get("scheduled_type") == PERSONAL_ROOM
    return PERSONAL_ROOM if is_room else row["scheduled_type"]


def merged_json(older: str | None, newer: str | None) -> str | None:
    """JSON text with the fields of both objects; the newer value counts."""
    if older is None or newer is None:
        return newer or older
    return json.dumps(json.loads(older) | json.loads(newer), ensure_ascii=False, sort_keys=True)
