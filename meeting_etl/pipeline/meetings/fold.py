"""A day's meetings from all that told of them, and the move of a meeting whose end changed.

Belongs here: bringing a day's meetings up to date with the events, opening their pairs in the
ledger, moving all rows of a meeting to another day (rule 13). Does not: one meeting's row
(meeting_row.py), reading logs (pipeline/ingest/ingest.py), asking the API (pipeline/fetch/fetch.py,
pipeline/reconcile/reconcile.py).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from operator import itemgetter

import pyarrow.compute as pc

from meeting_etl.lake.lake import Lake
from meeting_etl.lake.meeting_index import FOLDED, INDEX_LOCK, MeetingIndex, Mention
from meeting_etl.lake.merging import without
from meeting_etl.lake.metrics import refresh_metrics
from meeting_etl.pipeline.deletions.deletions import apply_deletion_events
from meeting_etl.pipeline.ledger.ledger import ItemEvents, Ledger
from meeting_etl.pipeline.ledger.prune_floor import floor
from meeting_etl.pipeline.meetings.meeting_row import row_from_events, with_other_events
from meeting_etl.pipeline.meetings.merge import with_events
from meeting_etl.pipeline.rows import Row, SchemaDrift
from meeting_etl.schemas import (
    FETCH_LEDGER,
    MEETING_SUMMARIES,
    MEETINGS,
    PARTICIPANTS,
    RECORDING_FILES,
    RECORDINGS,
    TRANSCRIPT_FILES,
    TRANSCRIPT_SNIPPETS,
    TRANSCRIPTS,
    WEBHOOK_EVENTS,
)
from meeting_etl.times import start_of, utc_day

# A meeting's rows lie in these; in this order they go to another day, meetings last.
_OF_A_MEETING = (
    RECORDINGS,
    PARTICIPANTS,
    TRANSCRIPTS,
    TRANSCRIPT_SNIPPETS,
    RECORDING_FILES,
    TRANSCRIPT_FILES,
    MEETING_SUMMARIES,
    FETCH_LEDGER,
    MEETINGS,
)
# Events of these resources open the pair of that table again.
_OPENS = {"recordings": RECORDINGS.name, "meetingTranscripts": TRANSCRIPTS.name}


@dataclass
class FoldReport:
    """What folding did to one day."""

    day: date
    rows: int = 0
    folded: int = 0
    moved: list[str] = field(default_factory=list)
    drift: SchemaDrift = field(default_factory=SchemaDrift)


def fold(
    lake: Lake, ledger: Ledger, days: Collection[date], *, refetch: bool = False
) -> Iterator[FoldReport]:
    """Bring the meetings of these days up to date with the events, newest day first.

    Only meetings that ingest announced are looked at; with `refetch`, when there is no table of
    meetings at all, or where the announcement was damaged, every meeting that was ever said to have
    ended on these days.
    """
    index = MeetingIndex(lake)
    if not index.is_complete():
        with lake.files.lock(INDEX_LOCK):
            index.rebuild_if_incomplete()
    everything: Mapping[date, set[str]] = {}
    if refetch or not lake.has_rows(MEETINGS):
        everything = index.ended_on(days)
    for day in sorted(days, reverse=True):
        yield _fold_day(lake, ledger, index, day, everything.get(day, set()))


def _fold_day(
    lake: Lake, ledger: Ledger, index: MeetingIndex, day: date, also: set[str]
) -> FoldReport:
    """Fold under the locks of all days that the announced meetings touch."""
    locked = {day}
    while True:
        with lake.lock_days(locked):
            due = ledger.due_day(day)
            # Only now: it may have been damaged while the lock was waited for.
            lost = index.ended_on([day])[day] if due.everything else set[str]()
            news = _News.of(lake, index, {*due.news, *also, *lost})
            needed = {day} | news.days()
            if needed <= locked:
                lake.sweep([MEETINGS, FETCH_LEDGER], locked)
                moved = _write(lake, ledger, news)
                for touched in needed:
                    refresh_metrics(lake, touched)
                    ledger.refresh(touched, due if touched == day else None)
                rows = lake.count(MEETINGS, day)
                return FoldReport(day, rows, len(news.mentions), moved, news.drift)
        locked |= needed


@dataclass
class _News:
    """What is told of some meetings: their mentions, events, and rows by the day they ended."""

    mentions: Mapping[str, list[Mention]]
    events: Mapping[str, list[Row]]
    rows: dict[date, dict[str, Row]]
    drift: SchemaDrift

    @staticmethod
    def of(lake: Lake, index: MeetingIndex, meeting_ids: Collection[str]) -> "_News":
        mentions = index.find(meeting_ids)
        news = _News(mentions, _events(lake, mentions), defaultdict(dict), SchemaDrift())
        for meeting_id, told in news.events.items():
            row = row_from_events(meeting_id, told, news.drift)
            if row is not None:
                news.rows[utc_day(row["ended_at"])][meeting_id] = row
        for row in _listed(lake, mentions):
            meeting_id = row["meeting_id"]
            filled = with_other_events(row, news.events.get(meeting_id, []), news.drift)
            news.rows[utc_day(row["ended_at"])][meeting_id] = filled
        return news

    def days(self) -> set[date]:
        """All days on which rows of these meetings lie or will lie.

        An event may be there before its mention is, so the days of the rows count as well.
        """
        mentioned = {one.date for some in self.mentions.values() for one in some if one.date}
        return mentioned | set(self.rows)

    def elsewhere(self, day: date) -> set[date]:
        """Days on which meetings of this day were said to have ended before."""
        told = (one.date for meeting_id in self.rows[day] for one in self.mentions[meeting_id])
        return {one for one in told if one is not None and one != day}


def _write(lake: Lake, ledger: Ledger, news: _News) -> list[str]:
    """Write the meetings and open their pairs; returns ids of meetings that moved.

    What ended on a pruned day is left out. A meeting whose corrected end lies on one stays on its
    day; the next prune that reaches it removes it.
    """
    moved: list[str] = []
    since = floor(lake.files)
    for home, rows in news.rows.items():
        if home < since:
            continue
        for old in sorted(news.elsewhere(home)):
            moved += _move(lake, [*rows], old, home)
        untold = _keep(lake, home, rows)
        ends = {meeting_id: row["ended_at"] for meeting_id, row in rows.items()}
        apply_deletion_events(lake, home, ends, news.events)
        ledger.open_meetings(home, ends, _pair_events(news.events, ends), untold)
    return moved


def _events(lake: Lake, mentions: Mapping[str, list[Mention]]) -> dict[str, list[Row]]:
    """All events about the meetings, from the partitions that mention them."""
    wanted: dict[date | None, set[str]] = defaultdict(set)
    for meeting_id, some in mentions.items():
        for one in some:
            wanted[one.received_date].add(meeting_id)
    columns = "received_at resource event meeting_id resource_id meeting_ended_at body".split()
    found: dict[str, list[Row]] = defaultdict(list)
    for received, meeting_ids in wanted.items():
        where = {"meeting_id": meeting_ids, "resource": FOLDED}
        for row in lake.read(WEBHOOK_EVENTS, received, columns=columns, where=where).to_pylist():
            found[row["meeting_id"]].append(row | {"received_date": received})
    return found


def _listed(lake: Lake, mentions: Mapping[str, list[Mention]]) -> list[Row]:
    """Rows of those meetings whose end no event tells, but Webex's listing did.

    Where a corrected end left one on two days, the one that was told last counts.
    """
    wanted: dict[date, set[str]] = defaultdict(set)
    for meeting_id, some in mentions.items():
        ends = [one for one in some if one.date]
        for one in ends if all(one.by_listing for one in ends) else ():
            if one.date:
                wanted[one.date].add(meeting_id)
    rows = [
        row
        for day, meeting_ids in wanted.items()
        for row in lake.read(MEETINGS, day, where={"meeting_id": meeting_ids}).to_pylist()
    ]
    return list(
        {row["meeting_id"]: row for row in sorted(rows, key=itemgetter("fetched_at"))}.values()
    )


def _pair_events(
    events: Mapping[str, list[Row]], meeting_ids: Iterable[str]
) -> dict[tuple[str, str], ItemEvents]:
    """How many events tell of recordings and of transcripts of each meeting, and the latest."""
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for meeting_id in meeting_ids:
        for event in events[meeting_id]:
            resource = _OPENS.get(event["resource"])
            if resource:
                found[meeting_id, resource].append(event)
    return {pair: _told_of(some) for pair, some in found.items()}


def _told_of(events: list[Row]) -> ItemEvents:
    dated = [event["received_at"] for event in events if event["received_at"]]
    others = [event["received_date"] for event in events if not event["received_at"]]
    days = [start_of(day) for day in others if day]
    return ItemEvents(
        len(events),
        latest_at=max(dated, default=None),
        undated=bool(others),
        undated_from=max(days, default=None),
    )


def _keep(lake: Lake, day: date, rows: Mapping[str, Row]) -> list[str]:
    """Write meetings; what events do not tell but the day's rows know already stays.

    Returns ids of meetings of which the API has told nothing.
    """
    known = lake.read(MEETINGS, day, where={"meeting_id": rows.keys()}).to_pylist()
    kept = {old["meeting_id"]: with_events(old, rows[old["meeting_id"]]) for old in known}
    lake.merge(MEETINGS, day, (dict(rows) | kept).values())
    return [meeting_id for meeting_id in rows if not kept.get(meeting_id, {}).get("fetched_at")]


def _move(lake: Lake, meeting_ids: list[str], old: date, new: date) -> list[str]:
    """Write all rows of these meetings to the new day, then remove them from the old one.

    Killed in between, a repetition finds the rows on both days and comes to the same end.
    """
    here = {"meeting_id": meeting_ids}
    moved: set[str] = set()
    for table in _OF_A_MEETING:
        rows = lake.read(table, old, where=here)
        if rows.num_rows:
            # What the new day knows already came later than what the old one holds.
            newer = lake.read(table, new, where=here)
            lake.merge(table, new, without(table, rows, newer))
            moved.update(pc.unique(rows["meeting_id"]).to_pylist())
    for table in reversed(_OF_A_MEETING):
        lake.merge(table, old, [], replacing=here)
    return sorted(moved)
