"""A day's meetings from all that told of them, and the move of a meeting whose end changed.

Belongs here: folding webhook events into one row a meeting (design.md rule 1), opening its pairs in
the ledger, moving all rows of a meeting to another day (rule 13). Does not: reading logs
(ingest.py), asking the API (fetch.py).
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pyarrow.compute as pc

from meeting_etl.lake.meeting_index import MeetingIndex, Mention
from meeting_etl.lake.store import Lake
from meeting_etl.pipeline.deletions import keep_told
from meeting_etl.pipeline.details import with_events
from meeting_etl.pipeline.ledger import Ledger, PairEvents
from meeting_etl.pipeline.rows import Drift, Row, organization_uuid, to_row
from meeting_etl.schemas import (
    FETCH_LEDGER,
    MEETINGS,
    PARTICIPANTS,
    RECORDINGS,
    TRANSCRIPT_SNIPPETS,
    TRANSCRIPTS,
    WEBHOOK_EVENTS,
)
from meeting_etl.times import utc_day

# A meeting's rows lie in these; in this order they go to another day, meetings last.
_OF_A_MEETING = (
    RECORDINGS,
    PARTICIPANTS,
    TRANSCRIPTS,
    TRANSCRIPT_SNIPPETS,
    FETCH_LEDGER,
    MEETINGS,
)
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
# Events of these resources open the pair of that table again.
_OPENS = {"recordings": RECORDINGS.name, "meetingTranscripts": TRANSCRIPTS.name}


@dataclass
class FoldReport:
    """What folding did to one day."""

    day: date
    rows: int = 0
    folded: int = 0
    moved: list[str] = field(default_factory=list)
    drift: Drift = field(default_factory=Drift)


def fold(
    lake: Lake, ledger: Ledger, days: Collection[date], *, refetch: bool = False
) -> Iterator[FoldReport]:
    """Bring the meetings of these days up to date with the events, newest day first.

    Only meetings that ingest announced are looked at; with `refetch`, or when there is no table of
    meetings at all, every meeting that was ever said to have ended on these days.
    """
    index = MeetingIndex(lake)
    if not index.is_complete():
        with lake.files.lock("ingest"):
            index.heal()
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
            news = _News.of(lake, index, {*due.news, *also})
            needed = {day} | news.days()
            if needed <= locked:
                lake.sweep([MEETINGS, FETCH_LEDGER], locked)
                moved = _write(lake, ledger, news)
                for touched in needed:
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
    drift: Drift

    @staticmethod
    def of(lake: Lake, index: MeetingIndex, meeting_ids: Collection[str]) -> "_News":
        mentions = index.find(meeting_ids)
        news = _News(mentions, _events(lake, mentions), defaultdict(dict), Drift())
        for meeting_id, told in news.events.items():
            row = meeting_row(meeting_id, told, news.drift)
            if row is not None:
                news.rows[utc_day(row["ended_at"])][meeting_id] = row
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
    """Write the meetings and open their pairs; returns ids of meetings that moved."""
    moved: list[str] = []
    for home, rows in news.rows.items():
        for old in sorted(news.elsewhere(home)):
            moved += _move(lake, [*rows], old, home)
        untold = _keep(lake, home, rows)
        ends = {meeting_id: row["ended_at"] for meeting_id, row in rows.items()}
        keep_told(lake, home, ends, news.events)
        ledger.open_meetings(home, ends, _pair_events(news.events, ends), untold)
    return moved


def meeting_row(meeting_id: str, told: list[Row], drift: Drift) -> Row | None:
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
        for name, value in _read_event(meeting_id, other, Drift()).items():
            if row[name] is None:
                row[name] = value
    ends, starts = ended[0]["meeting_ended_at"], row["started_at"]
    received = [one["received_at"] for one in ended if one["received_at"]]
    row |= {
        "ended_at": ends,
        "duration_seconds": int((ends - starts).total_seconds())
        if starts and starts <= ends
        else None,
        "first_received_at": min(received, default=None),
        "delivery_count": len(ended),
        "origin": "webhook",
    }
    return row


def _read_event(meeting_id: str, event: Row, drift: Drift) -> Row:
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


def _events(lake: Lake, mentions: Mapping[str, list[Mention]]) -> dict[str, list[Row]]:
    """All events about the meetings, from the partitions that mention them."""
    wanted: dict[date | None, set[str]] = defaultdict(set)
    for meeting_id, some in mentions.items():
        for one in some:
            wanted[one.received_date].add(meeting_id)
    columns = "received_at resource event meeting_id resource_id meeting_ended_at body".split()
    found: dict[str, list[Row]] = defaultdict(list)
    for received, meeting_ids in wanted.items():
        where = {"meeting_id": meeting_ids}
        for row in lake.read(WEBHOOK_EVENTS, received, columns=columns, where=where).to_pylist():
            found[row["meeting_id"]].append(row | {"received_date": received})
    return found


def _pair_events(
    events: Mapping[str, list[Row]], meeting_ids: Iterable[str]
) -> dict[tuple[str, str], PairEvents]:
    """How many events tell of recordings and of transcripts of each meeting, and the latest."""
    found: dict[tuple[str, str], list[datetime | None]] = defaultdict(list)
    for meeting_id in meeting_ids:
        for event in events[meeting_id]:
            resource = _OPENS.get(event["resource"])
            if resource:
                found[meeting_id, resource].append(event["received_at"])
    return {
        pair: PairEvents(len(moments), max((one for one in moments if one), default=None))
        for pair, moments in found.items()
    }


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
            lake.merge(table, new, rows)
            lake.merge(table, new, newer)
            moved.update(pc.unique(rows["meeting_id"]).to_pylist())
    for table in reversed(_OF_A_MEETING):
        lake.merge(table, old, [], instead_of=here)
    return sorted(moved)
