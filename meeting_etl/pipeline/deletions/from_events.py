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
    """Write what `recordings:deleted` events tell into the day on which the meetings lie.

    `ended` and `events` by meeting id; the first event that has a time counts. A recording that
    was never fetched gets a row as well.
    """
    told: dict[str, Row] = {}
    for meeting_id, ended_at in ended.items():
        dated = [event | {"ended_at": ended_at} for event in events[meeting_id]]
        for event in sorted(dated, key=_rank):
            is_deletion = (event["resource"], event["event"]) == ("recordings", "deleted")
            if is_deletion and event["resource_id"]:
                told.setdefault(event["resource_id"], event)
    if not told:
        return
    known = lake.read(RECORDINGS, day, where={"recording_id": told}).to_pylist()
    held = {row["recording_id"]: row for row in known}
    lake.merge(
        RECORDINGS,
        day,
        [
            _told(held.get(recording_id), recording_id, event)
            for recording_id, event in told.items()
        ],
    )


def _rank(event: Row) -> tuple[bool, datetime]:
    return event["received_at"] is None, _received_at(event)


def _received_at(event: Row) -> datetime:
    """When the event was received; of a log that does not say, the earliest moment it can be."""
    received: datetime | None = event["received_at"]
    ended_at: datetime = event["ended_at"]
    if received is None and event["received_date"] is not None:
        received = max(start_of(event["received_date"]), ended_at)
    return received or ended_at


def _told(held: Row | None, recording_id: str, event: Row) -> Row:
    if held is not None and held["deletion_proof"] == "event":
        return held
    if held is None:
        data, ours = json.loads(event["body"])["data"], {"meeting_id": event["meeting_id"]}
        held = to_row(RECORDINGS, data, SchemaDrift(), recording_id=recording_id, **ours)
    received = _received_at(event)
    status = held["status"] if is_deleted(held) else DELETED
    return held | {"status": status, "deleted_at": received, "deletion_proof": "event"}
