"""Collecting all that events and listings say about some meetings, a row for each.

Belongs here: finding the events of a meeting and the stored rows of meetings without an ended
event; the day of each. Does not: making one row (meeting_row.py), writing rows (fold.py).
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from meeting_etl.lake.lake import Lake
from meeting_etl.lake.meeting_index import MeetingIndex, Mention
from meeting_etl.pipeline.meetings.meeting_row import row_from_events, with_other_events
from meeting_etl.pipeline.rows import Row, SchemaDrift
from meeting_etl.schemas import FOLDED, MEETINGS, WEBHOOK_EVENTS
from meeting_etl.times import utc_day

_Mentions = Mapping[str, list[Mention]]
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)

_EVENT_COLUMNS = [
    "log_id",
    "byte_offset",
    "received_at",
    "resource",
    "event",
    "meeting_id",
    "resource_id",
    "meeting_ended_at",
    "body",
]


@dataclass(frozen=True)
class Collected:
    """Rows of meetings by the day they ended, and the events about them.

    `mentioned_days` are all days on which a meeting was ever reported to have ended.
    """

    rows: Mapping[date, Mapping[str, Row]]
    events: Mapping[str, list[Row]]
    mentioned_days: Mapping[str, set[date]]
    drift: SchemaDrift

    def all_days(self) -> set[date]:
        """All days that have rows of these meetings, or will have.

        An event can be in the lake before the index mentions it, so the rows' own days count too.
        """
        return set(self.rows).union(*self.mentioned_days.values())

    def former_days(self, day: date) -> list[date]:
        """Other days on which the meetings of this day were reported to have ended, in order."""
        days = set[date]().union(
            *(self.mentioned_days[meeting_id] for meeting_id in self.rows[day])
        )
        return sorted(days - {day})


def collect(lake: Lake, index: MeetingIndex, meeting_ids: Collection[str]) -> Collected:
    """Read all events about these meetings and make their rows; without an end there is no row."""
    drift = SchemaDrift()
    rows: dict[date, dict[str, Row]] = defaultdict(dict)
    with lake.tables.read_once():
        mentions = index.find(meeting_ids)
        events = _events(lake, mentions)
    for meeting_id, about in events.items():
        row = row_from_events(meeting_id, about, drift)
        if row is not None:
            rows[utc_day(row["ended_at"])][meeting_id] = row
    with_end = set[str]().union(*rows.values())
    for stored in _stored_rows(lake, mentions, with_end):
        meeting_id = stored["meeting_id"]
        row = with_other_events(stored, events[meeting_id], drift)
        rows[utc_day(row["ended_at"])][meeting_id] = row
    days = {
        meeting_id: {mention.date for mention in found if mention.date}
        for meeting_id, found in mentions.items()
    }
    return Collected(rows, events, days, drift)


def _events(lake: Lake, mentions: _Mentions) -> dict[str, list[Row]]:
    """All events about the meetings, from the partitions that mention them."""
    ids_by_day: dict[date | None, set[str]] = defaultdict(set)
    for meeting_id, found in mentions.items():
        for mention in found:
            ids_by_day[mention.received_date].add(meeting_id)
    events: dict[str, list[Row]] = {meeting_id: [] for meeting_id in mentions}
    for received, meeting_ids in ids_by_day.items():
        where = {"meeting_id": meeting_ids, "resource": FOLDED}
        rows = lake.read(WEBHOOK_EVENTS, received, columns=_EVENT_COLUMNS, where=where)
        for row in rows.to_pylist():
            events[row["meeting_id"]].append(row | {"received_date": received})
    return events


def _stored_rows(lake: Lake, mentions: _Mentions, with_end: Collection[str]) -> list[Row]:
    """Stored rows of the meetings without an ended event: Webex listed them, or events were lost.

    A corrected end can leave the row of a meeting on two days: the one fetched last counts.
    """
    ids_by_day: dict[date, set[str]] = defaultdict(set)
    for meeting_id in mentions.keys() - with_end:
        for mention in mentions[meeting_id]:
            if mention.date:
                ids_by_day[mention.date].add(meeting_id)
    rows = [
        row
        for day, meeting_ids in ids_by_day.items()
        for row in lake.read(MEETINGS, day, where={"meeting_id": meeting_ids}).to_pylist()
    ]
    newest_last = sorted(rows, key=lambda row: row["fetched_at"] or _LONG_AGO)
    return list({row["meeting_id"]: row for row in newest_last}.values())
