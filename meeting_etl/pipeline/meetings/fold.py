"""fold(): bring the meetings of a day up to date with the webhook events about them.

Belongs here: the locks, the order of writing, opening work items in the ledger. Does not: reading
the events (collect.py), one meeting's row (meeting_row.py), moving rows to another day (move.py),
ingesting logs (pipeline/ingest/ingest.py), requests to the API (pipeline/fetch/fetch_days.py,
pipeline/reconcile/reconcile.py).
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from meeting_etl.lake.lake import Lake
from meeting_etl.lake.meeting_index import MeetingIndex
from meeting_etl.lake.metrics import refresh_metrics
from meeting_etl.lake.writers_locks import INDEX_LOCK
from meeting_etl.pipeline.deletions.from_events import apply_deletion_events
from meeting_etl.pipeline.ledger.due_days import DueDay
from meeting_etl.pipeline.ledger.ledger import Ledger, News
from meeting_etl.pipeline.meetings.collect import Collected, collect
from meeting_etl.pipeline.meetings.merge import with_events
from meeting_etl.pipeline.meetings.move import move_meetings
from meeting_etl.pipeline.rows import Row, SchemaDrift
from meeting_etl.schemas import FETCH_LEDGER, FOLDED, MEETINGS, WEBHOOK_EVENTS
from meeting_etl.times import utc_day


@dataclass
class FoldReport:
    """What folding did to one day."""

    day: date
    rows: int = 0
    folded: int = 0
    moved: list[str] = field(default_factory=list)
    drift: SchemaDrift = field(default_factory=SchemaDrift)
    seconds: float = 0.0


def fold(lake: Lake, ledger: Ledger, days: Collection[date]) -> Iterator[FoldReport]:
    """Bring the meetings of these days up to date with the events, newest day first."""
    folding = Folding(lake, ledger, days)
    for day in sorted(days, reverse=True):
        report = folding.fold_day(day)
        if report is not None:
            yield report


class Folding:
    """Brings the meetings of some days up to date with the events, day by day.

    Reads the events of the meetings that ingest announced as news. Reads those of every meeting
    that ever ended on a day when the table of meetings is missing, and where the due day says so:
    after a refetch, and when its file is damaged.
    """

    def __init__(self, lake: Lake, ledger: Ledger, days: Collection[date]) -> None:
        self._lake = lake
        self._ledger = ledger
        self._index = MeetingIndex(lake)
        if not self._index.is_complete():
            with lake.state.lock(INDEX_LOCK):
                self._index.rebuild_if_incomplete()
        whole = days
        if lake.has_rows(MEETINGS):
            whole = [day for day in days if ledger.due_day(day).everything]
        self._all_meetings = self._index.ended_on(whole) if whole else {}

    def fold_day(self, day: date, *, may_wait: bool = True) -> FoldReport | None:
        """Fold one day, holding the locks of all days that its meetings touch.

        Which days these are is known only after reading the events, and events may arrive
        meanwhile. So, with another day needed, all locks are released and taken again in order.
        None if a lock is not free and may not be waited for.
        """
        lake, ledger, index = self._lake, self._ledger, self._index
        meeting_ids, locked = self._all_meetings.get(day, set()), {day}
        while True:
            with lake.try_lock_days(locked, may_wait=may_wait) as is_locked:
                if not is_locked:
                    return None
                due = ledger.due_day(day)
                if due.everything and not meeting_ids:
                    meeting_ids = index.ended_on([day])[day]  # since this waited for the lock
                news = {**due.news, **dict.fromkeys(meeting_ids, FOLDED)}
                collected = collect(lake, index, news)
                needed = {day} | collected.all_days()
                if needed <= locked:
                    lake.sweep([MEETINGS, FETCH_LEDGER], locked)
                    return _write(lake, ledger, due, news, collected, day, needed)
            locked |= needed


def _write(
    lake: Lake,
    ledger: Ledger,
    due: DueDay,
    news: News,
    collected: Collected,
    day: date,
    days: set[date],
) -> FoldReport:
    """Write the meetings of all these days, then each day's metrics and due day."""
    moved: list[str] = []
    first_kept = ledger.queue.floor()
    for ended_on in collected.rows:
        # Pruned days are left out. A meeting whose corrected end is on one stays on its old day,
        # and the next prune that reaches that day removes it.
        if ended_on >= first_kept:
            moved += _write_meetings(lake, ledger, news, collected, ended_on)
    for touched in days:
        refresh_metrics(lake, touched)
        ledger.refresh(touched, due if touched == day else None)
    return FoldReport(
        day,
        rows=lake.count(MEETINGS, day),
        folded=len(collected.mentioned_days),
        moved=moved,
        drift=collected.drift,
    )


def _write_meetings(
    lake: Lake, ledger: Ledger, news: News, collected: Collected, day: date
) -> list[str]:
    """Write the meetings of a day and open their work items; returns ids of those that moved."""
    rows = collected.rows[day]
    moved: list[str] = []
    for old in collected.former_days(day):
        moved += move_meetings(lake, [*rows], old, day)
    without_details = _merge_rows(lake, day, rows)
    ends = {meeting_id: row["ended_at"] for meeting_id, row in rows.items()}
    apply_deletion_events(lake, day, ends, collected.events)
    ledger.open_items(day, ends, collected.events, news, without_details)
    return moved


def _merge_rows(lake: Lake, day: date, rows: Mapping[str, Row]) -> list[str]:
    """Write meetings, keeping the stored values that their events do not have.

    Returns ids of the meetings for which nothing was fetched from the API yet.
    """
    stored = lake.read(MEETINGS, day, where={"meeting_id": rows.keys()}).to_pylist()
    events_since = lake.floors.of(WEBHOOK_EVENTS)
    merged = {
        old["meeting_id"]: with_events(
            old,
            rows[old["meeting_id"]],
            all_events=utc_day(old["first_received_at"] or old["ended_at"]) >= events_since,
        )
        for old in stored
    }
    lake.merge(MEETINGS, day, (dict(rows) | merged).values())
    return [meeting_id for meeting_id in rows if not merged.get(meeting_id, {}).get("fetched_at")]
