"""`recordings:deleted` events → tombstones in the table `recordings`.

Belongs here: which event counts, and the row that it leaves. Does not: tombstones of listings
(tombstones.py), what is proven by asking Webex (pipeline/fetch/deletion_proof.py).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from meeting_etl.lake.lake import Lake
from meeting_etl.pipeline.deletions.tombstones import DELETED, is_deleted
from meeting_etl.pipeline.rows import Row, SchemaDrift, to_row
from meeting_etl.schemas import RECORDINGS
from meeting_etl.times import start_of


def apply_deletion_events(
    lake: Lake, day: date, ended: Mapping[str, datetime], events: Mapping[str, Sequence[Row]]
) -> None:
    """Write the `recordings:deleted` events of meetings into the day on which these ended.

    `ended` and `events` by meeting id. Of several events for a recording the first with a time
    counts. A recording that was never fetched gets a row as well.
    """
    deletions: dict[str, Row] = {}
    for meeting_id, ended_at in ended.items():
        about = [event | {"ended_at": ended_at} for event in events[meeting_id]]
        for event in sorted(about, key=_order):
            is_deletion = (event["resource"], event["event"]) == ("recordings", "deleted")
            if is_deletion and event["resource_id"]:
                deletions.setdefault(event["resource_id"], event)
    if not deletions:
        return
    rows = lake.read(RECORDINGS, day, where={"recording_id": deletions}).to_pylist()
    stored = {row["recording_id"]: row for row in rows}
    lake.merge(
        RECORDINGS,
        day,
        [
            _deleted_row(stored.get(recording_id), recording_id, event)
            for recording_id, event in deletions.items()
        ],
    )


def _order(event: Row) -> tuple[bool, datetime]:
    return event["received_at"] is None, _received_at(event)


def _received_at(event: Row) -> datetime:
    """When the event was received; where the log has no time, the earliest moment possible."""
    received: datetime | None = event["received_at"]
    ended_at: datetime = event["ended_at"]
    if received is None and event["received_date"] is not None:
        received = max(start_of(event["received_date"]), ended_at)
    return received or ended_at


def _deleted_row(stored: Row | None, recording_id: str, event: Row) -> Row:
    if stored is not None and stored["deletion_proof"] == "event":
        return stored
    if stored is None:
        data, ours = json.loads(event["body"])["data"], {"meeting_id": event["meeting_id"]}
        stored = to_row(RECORDINGS, data, SchemaDrift(), recording_id=recording_id, **ours)
    status = stored["status"] if is_deleted(stored) else DELETED
    return stored | {
        "status": status,
        "deleted_at": _received_at(event),
        "deletion_proof": "event",
    }
