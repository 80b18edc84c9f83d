"""Recordings and transcripts that are no longer there: what is proven, and what is only missing.

Belongs here: the statuses unlisted, deleted and purged, and what proves the latter two
(rule 5). Does not: removing files of what was deleted (privacy).
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import date, datetime
from threading import Event

from meeting_etl.errors import BadResponse, Gone, NotFound, Refused, Stopped
from meeting_etl.lake.lake import Lake
from meeting_etl.pipeline.fetch.context import Engine
from meeting_etl.pipeline.fetch.spec import FetchSpec
from meeting_etl.pipeline.rows import Row, SchemaDrift, to_row
from meeting_etl.schemas import RECORDINGS
from meeting_etl.times import start_of

UNLISTED = "unlisted"
_DELETED = "deleted"
_GONE = frozenset({_DELETED, "purged"})


def is_deleted(row: Row) -> bool:
    """Whether the row's own status says that it was deleted."""
    return row["status"] in _GONE


def with_tombstone(held: Row, new: Row) -> Row:
    """The row as it was listed now, with what the lake knows of its deletion.

    `recordings:deleted` is for good, so an answer that still lists it is late. What lay in the
    recycle bin can come back.
    """
    if held["deletion_proof"] == "event":
        return new | {name: held[name] for name in ("status", "deleted_at", "deletion_proof")}
    if not is_deleted(new):
        return new
    proven = held["deleted_at"] or new["fetched_at"]
    return new | {"deleted_at": proven, "deletion_proof": held["deletion_proof"] or "listing"}


def unlisted(held: Iterable[Row], listed: Collection[str], key: str) -> Iterator[Row]:
    """Rows of answered meetings that the answers do not show, marked as such."""
    for row in held:
        if row[key] not in listed and not is_deleted(row):
            yield row | {"status": UNLISTED}


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
    status = held["status"] if is_deleted(held) else _DELETED
    return held | {"status": status, "deleted_at": received, "deletion_proof": "event"}


@dataclass
class DeletionChecks:
    """What asking by id gave: rows with a proof, and the error that ended it, if one did."""

    proven: list[Row] = field(default_factory=list)
    ends: BaseException | None = None


def check_deletions(
    engine: Engine, spec: FetchSpec, rows: Sequence[Row], *, ending: bool = False
) -> DeletionChecks:
    """Ask by id what became of unlisted rows, a request each.

    That one is not found proves a deletion only for what this token read before and was not merely
    shared with it. When all is `ending` nothing is asked.
    """
    found, stop = DeletionChecks(), Event()
    if not rows:
        return found
    if ending:
        return DeletionChecks(
            ends=Stopped("What is listed no longer is looked for by the next run.")
        )
    cancel_on = engine.asking.webex.cancel_on
    with ThreadPoolExecutor(engine.asking.threads, "prove", cancel_on, (stop,)) as pool:
        looks = [pool.submit(_look, engine, spec, row) for row in rows]
        try:
            for look in as_completed(looks):
                if look.cancelled():
                    continue
                if error := look.exception():
                    found.ends = found.ends or error
                    pool.shutdown(wait=False, cancel_futures=True)
                elif proven := look.result():
                    found.proven.append(proven)
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return found


def _look(engine: Engine, spec: FetchSpec, row: Row) -> Row | None:
    """The row with what was proven; None when nothing was."""
    now = engine.asking.clock.now()
    if spec.look is None or row.get("share_to_me"):
        return None
    try:
        status = spec.look(engine.asking.webex, row)
    except (NotFound, Gone):
        read_before = row["fetched_at"] is not None and row["fetched_at"] >= engine.reading_since
        return _proven(row, _DELETED, now, "not_found") if read_before else None
    except (Refused, BadResponse):
        return None
    return _proven(row, status, now, "listing") if status in _GONE else None


def _proven(row: Row, status: str, now: datetime, proof: str) -> Row:
    return row | {"status": status, "deleted_at": now, "deletion_proof": proof}
