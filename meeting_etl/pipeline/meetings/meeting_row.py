"""One row of `meetings`, from the events about it or from what Webex answered.

Belongs here: which event counts (rule 1), what a listing's item makes of a meeting that
no ended event told of. Does not: which meetings, on which day (fold.py,
pipeline/reconcile/reconcile.py), what an answer adds to a meeting that events told of (merge.py).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from meeting_etl.pipeline.meetings.merge import duration_seconds, merged_json
from meeting_etl.pipeline.rows import Row, SchemaDrift, organization_uuid, to_row
from meeting_etl.schemas import MEETINGS, RECONCILED
from meeting_etl.webhook_logs.events import EARLIEST, LATEST_AHEAD
from meeting_etl.webhook_logs.meeting_ids import instance_id

_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


def row_from_events(meeting_id: str, told: list[Row], drift: SchemaDrift) -> Row | None:
    """One row of `meetings` from all events about a meeting; None while no end was told.

    Of several ended events the one with the greatest (received_at, end, body) counts, whatever
    the order of files and arrival; what it does not tell is taken from the next ones.
    """
    about = sorted((one for one in told if one["resource"] == "meetings"), key=_rank, reverse=True)
    ended = [one for one in about if one["event"] == "ended"]
    if not ended:
        return None
    row = _read_event(meeting_id, ended[0], drift)
    for other in about:
        for name, value in _read_event(meeting_id, other, SchemaDrift()).items():
            if row[name] is None:
                row[name] = value
    row["ended_at"] = ended[0]["meeting_ended_at"]
    received = [one["received_at"] for one in ended if one["received_at"]]
    row |= {
        "duration_seconds": duration_seconds(row),
        "first_received_at": min(received, default=None),
        "delivery_count": len(ended),
        "origin": "webhook",
    }
    return row


def row_from_api(item: Mapping[str, Any], drift: SchemaDrift, **ours: Any) -> Row | None:
    """One row of `meetings` from an item of GET /meetings, or the answer about one meeting.

    None for what is no instance that has ended, or ended on a day that there cannot be.
    """
    if instance_id(item.get("id")) is None or item.get("state") != "ended":
        return None
    row = to_row(MEETINGS, item, drift, **ours)
    ended_at = row["ended_at"]
    if ended_at is None or not EARLIEST <= ended_at <= row["fetched_at"] + LATEST_AHEAD:
        return None
    series_id = row["meeting_series_id"] or row["meeting_id"].split("_", 1)[0]
    return row | {
        "meeting_series_id": series_id,
        "org_id": organization_uuid(row["org_id"]),
        "duration_seconds": duration_seconds(row),
        "first_received_at": None,
        "delivery_count": 0,
        "origin": RECONCILED,
    }


def with_listing(held: Row, listed: Row) -> Row:
    """The lake's row of a reconciled meeting with what the listing says now.

    No event tells of it, so that a corrected start or end counts, too.
    """
    row = held | {name: value for name, value in listed.items() if value is not None}
    return row | {"extra": merged_json(held["extra"], listed["extra"])}


def with_other_events(row: Row, told: Sequence[Row], drift: SchemaDrift) -> Row:
    """A reconciled meeting's row, with what events other than the ended one tell beside."""
    about = sorted((one for one in told if one["resource"] == "meetings"), key=_rank, reverse=True)
    for one in about:
        for name, value in _read_event(row["meeting_id"], one, drift).items():
            if row[name] is None:
                row = row | {name: value}
    return row


def _read_event(meeting_id: str, event: Row, drift: SchemaDrift) -> Row:
    payload = json.loads(event["body"])
    data = payload["data"]
    row = to_row(MEETINGS, data, drift, meeting_id=meeting_id)
    row["meeting_series_id"] = row["meeting_series_id"] or meeting_id.split("_", 1)[0]
    org_id = row["org_id"] or payload.get("orgId")
    row["org_id"] = organization_uuid(org_id) if isinstance(org_id, str) else None
    return row


def _rank(event: Row) -> tuple[datetime, datetime, str]:
    return (
        event["received_at"] or _LONG_AGO,
        event["meeting_ended_at"] or _LONG_AGO,
        event["body"],
    )
