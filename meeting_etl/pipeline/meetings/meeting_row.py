"""One row of `meetings`, made from webhook events or from an item of the API.

Belongs here: which of several events counts (rule 1), and what an item of a listing becomes for a
meeting without an ended event. Does not: which meetings, on which day (collect.py, fold.py,
pipeline/reconcile/reconcile.py), merging fetched details into a row (merge.py).
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


def row_from_events(meeting_id: str, events: Sequence[Row], drift: SchemaDrift) -> Row | None:
    """One row of `meetings` from all events about a meeting; None without an ended event.

    Of several ended events, the one with the greatest (received_at, end, body) counts, whatever the
    order of files and arrival. Values that it lacks are taken from the next ones.
    """
    newest_first = _meeting_events(events)
    ended = [event for event in newest_first if event["event"] == "ended"]
    if not ended:
        return None
    row = _read_event(meeting_id, ended[0], drift)
    for event in newest_first:
        row = _filled(row, _read_event(meeting_id, event, SchemaDrift()))
    row["ended_at"] = ended[0]["meeting_ended_at"]
    received = [event["received_at"] for event in ended if event["received_at"]]
    return row | {
        "duration_seconds": duration_seconds(row),
        "first_received_at": min(received, default=None),
        "delivery_count": len(ended),
        "origin": "webhook",
    }


def with_other_events(row: Row, events: Sequence[Row], drift: SchemaDrift) -> Row:
    """The row of a reconciled meeting, filled from its events; none of them is an ended event."""
    for event in _meeting_events(events):
        row = _filled(row, _read_event(row["meeting_id"], event, drift))
    return row


def row_from_api(item: Mapping[str, Any], drift: SchemaDrift, **ours: Any) -> Row | None:
    """One row of `meetings` from an item of GET /meetings or from GET /meetings/{id}.

    None unless the item is a meeting instance that has ended, at a plausible time. `ours` are
    columns that are not read from the item.
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


def with_listing(stored: Row, listed: Row) -> Row:
    """The stored row of a reconciled meeting, updated by what Webex lists now.

    It has no ended event, so a corrected start or end is taken from the listing, too.
    """
    row = stored | {name: value for name, value in listed.items() if value is not None}
    return row | {"extra": merged_json(stored["extra"], listed["extra"])}


def _meeting_events(events: Sequence[Row]) -> list[Row]:
    """The events of the resource `meetings`, newest first."""
    about = (event for event in events if event["resource"] == "meetings")
    return sorted(about, key=_rank, reverse=True)


def _filled(row: Row, other: Row) -> Row:
    """The row, with the other's values where it has none."""
    return row | {name: value for name, value in other.items() if row[name] is None}


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
