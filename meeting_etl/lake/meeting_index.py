"""class MeetingIndex: which received days speak of a meeting, and on which days it ended.

Belongs here: looking a meeting up by its id at a cost that hardly grows with the history, by
hashing ids over a fixed number of small files. The index says nothing that webhook_events and, of
meetings without an ended event, the table of meetings do not say: when it is missing it is made
again from them. Does not: what the events mean.
"""

import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import date
from itertools import chain
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from meeting_etl.lake.store import NULL_PARTITION, Lake
from meeting_etl.schemas import MEETING_INDEX, MEETINGS, RECONCILED, WEBHOOK_EVENTS

SHARDS = 64
# Written when all events are in the index, so that one that was half made is made again.
_COMPLETE = f"lake/{MEETING_INDEX.name}/complete"


class Mention(NamedTuple):
    """An event about `meeting_id` lies in partition `received_date`; `date`: the end it told.

    Without a received_date but with a date it is Webex's listing of ended meetings that told: an
    event that tells an end has a day of its own.
    """

    meeting_id: str
    received_date: date | None
    date: date | None

    @property
    def by_listing(self) -> bool:
        """Whether no event told this, but a listing or an answer of Webex."""
        return self.received_date is None and self.date is not None


class MeetingIndex:
    """Mentions of meetings, found by meeting id. Written only under the lock of ingest."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def add(self, mentions: Iterable[Mention]) -> None:
        """Remember mentions; known ones cost a read and no write."""
        shards: dict[str, set[Mention]] = defaultdict(set)
        for mention in mentions:
            shards[_shard(mention.meeting_id)].add(mention)
        for shard, some in shards.items():
            columns = [
                pa.array(values, field.type)
                for values, field in zip(zip(*some, strict=True), MEETING_INDEX.schema, strict=True)
            ]
            rows = pa.table(columns, schema=MEETING_INDEX.schema)
            self._lake.sweep([MEETING_INDEX], [shard])
            self._lake.merge(MEETING_INDEX, shard, rows)

    def find(self, meeting_ids: Collection[str]) -> dict[str, list[Mention]]:
        """All mentions of the given meetings."""
        shards: dict[str, list[str]] = defaultdict(list)
        for meeting_id in meeting_ids:
            shards[_shard(meeting_id)].append(meeting_id)
        found: dict[str, list[Mention]] = defaultdict(list)
        for shard, ids in shards.items():
            rows = self._lake.read(MEETING_INDEX, shard, where={"meeting_id": ids})
            columns = (rows[name].to_pylist() for name in Mention._fields)
            for mention in map(Mention._make, zip(*columns, strict=True)):
                found[mention.meeting_id].append(mention)
        return found

    def ended_on(self, days: Collection[date]) -> dict[date, set[str]]:
        """Ids of the meetings that were ever said to have ended on these days; reads all shards."""
        found: dict[date, set[str]] = {day: set() for day in days}
        for shard in self._lake.partitions(MEETING_INDEX):
            rows = self._lake.read(MEETING_INDEX, shard, columns=["meeting_id", "date"])
            wanted = rows.filter(pc.is_in(rows["date"], pa.array(list(days), pa.date32())))
            for row in wanted.to_pylist():
                found[row["date"]].add(row["meeting_id"])
        return found

    def is_complete(self) -> bool:
        """Whether it knows all events; not so before the first ingest and when it was deleted."""
        return self._lake.files.read_bytes(_COMPLETE) is not None

    def heal(self) -> None:
        """Make it from the events if it is not complete; the lock of ingest must be held."""
        if self.is_complete():
            return
        told = map(self._of, self._lake.partitions(WEBHOOK_EVENTS))
        listed = map(self._reconciled, self._lake.partitions(MEETINGS))
        self.add(chain.from_iterable(chain(told, listed)))
        self._lake.files.replace_bytes(_COMPLETE, b"")

    def _reconciled(self, partition: str) -> Iterator[Mention]:
        """The mentions of a day's meetings of which no event told."""
        day = date.fromisoformat(partition)
        rows = self._lake.read(
            MEETINGS, day, columns=["meeting_id"], where={"origin": [RECONCILED]}
        )
        return (Mention(one, None, day) for one in rows["meeting_id"].to_pylist())

    def _of(self, partition: str) -> Iterator[Mention]:
        """The mentions in a partition of webhook_events."""
        received = None if partition == NULL_PARTITION else date.fromisoformat(partition)
        names = ["meeting_id", "meeting_ended_at"]
        rows = self._lake.read(WEBHOOK_EVENTS, received, columns=names)
        for meeting_id, ended in zip(*(rows[name].to_pylist() for name in names), strict=True):
            if meeting_id:
                yield Mention(meeting_id, received, ended.date() if ended else None)


def _shard(meeting_id: str) -> str:
    return f"{zlib.crc32(meeting_id.encode()) % SHARDS:02x}"
