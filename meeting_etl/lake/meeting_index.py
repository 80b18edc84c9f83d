"""class MeetingIndex: on which days events about a meeting were received, and when it ended.

Belongs here: looking up a meeting by its id at a cost that hardly grows with the history: ids are
hashed over a fixed number of small files, with a tail of new rows. The index is derived from
webhook_events and, for meetings without an ended event, from the table of meetings; it is rebuilt
when it is missing. Does not: what the events mean.
"""

import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import chain
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from meeting_etl.errors import StorageError
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.partitions import NULL_PARTITION, folder_of
from meeting_etl.schemas import FOLDED, MEETING_INDEX, MEETINGS, RECONCILED, WEBHOOK_EVENTS

SHARDS = 64
# The shard that takes new mentions of all meetings: one small file. When it has TAIL_MENTIONS, they
# are spread over the other shards.
TAIL = "tail"
TAIL_MENTIONS = 4096
# The lock for writing the index; no other lock is waited for while it is held.
# Mentions in memory during a rebuild, some 100 MB.
_BUFFERED_MENTIONS = 200_000
# Written when all events are in the index, so that an unfinished rebuild starts again. In a bucket,
# vacuum removes what is beside the files of a table, but for names like this.
_COMPLETE = f"lake/{MEETING_INDEX.name}/_complete"


class Mention(NamedTuple):
    """Partition `received_date` has an event about `meeting_id`; `date` is its end in that event.

    With a date and no received_date, the end is from a listing of Webex: an event with an end
    always has a received date.
    """

    meeting_id: str
    received_date: date | None
    date: date | None

    @property
    def by_listing(self) -> bool:
        """Whether this is from a listing or response of Webex and not from an event."""
        return self.received_date is None and self.date is not None


class MeetingIndex:
    """Mentions of meetings by meeting id. Written only under INDEX_LOCK.

    A damaged shard marks the index as incomplete, so that the next run rebuilds it, and raises
    StorageError.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def add(self, mentions: Iterable[Mention]) -> dict[str, list[Mention]]:
        """Add mentions, and return the earlier ones of these meetings.

        Adding writes one small file, and now and then all of them.
        """
        new = set(mentions)
        known = self.find({mention.meeting_id for mention in new})
        new.difference_update(chain(*known.values()))
        self._lake.sweep([MEETING_INDEX], [TAIL])
        with self._invalidating_on_damage(TAIL):
            tail = self._lake.read(MEETING_INDEX, TAIL)
            if tail.num_rows + len(new) <= TAIL_MENTIONS:
                self._lake.merge(MEETING_INDEX, TAIL, _table(new))
                return known
        self._spread(new.union(_mentions(tail)))
        # A kill before this leaves mentions twice, which counts as once. Readers read the tail
        # first, so that they miss none that moves.
        self._lake.replace(MEETING_INDEX, TAIL, MEETING_INDEX.schema.empty_table())
        return known

    def _spread(self, mentions: Iterable[Mention]) -> None:
        shards: dict[str, set[Mention]] = defaultdict(set)
        for mention in mentions:
            shards[_shard(mention.meeting_id)].add(mention)
        for shard, of_shard in shards.items():
            self._lake.sweep([MEETING_INDEX], [shard])
            with self._invalidating_on_damage(shard):
                self._lake.merge(MEETING_INDEX, shard, _table(of_shard))

    def find(self, meeting_ids: Collection[str]) -> dict[str, list[Mention]]:
        """All mentions of the given meetings."""
        if not meeting_ids:
            return defaultdict(list)
        mentions = set(self._mentions_in(TAIL, meeting_ids))
        shards: dict[str, list[str]] = defaultdict(list)
        for meeting_id in meeting_ids:
            shards[_shard(meeting_id)].append(meeting_id)
        # Listed after reading the tail, as others may move it into new shards.
        for shard in shards.keys() & set(self._lake.partitions(MEETING_INDEX)):
            mentions.update(self._mentions_in(shard, shards[shard]))
        found: dict[str, list[Mention]] = defaultdict(list)
        for mention in mentions:
            found[mention.meeting_id].append(mention)
        return found

    def _mentions_in(self, shard: str, meeting_ids: Collection[str]) -> Iterator[Mention]:
        with self._invalidating_on_damage(shard):
            rows = self._lake.read(MEETING_INDEX, shard, where={"meeting_id": meeting_ids})
        return _mentions(rows)

    def ended_on(self, days: Collection[date]) -> dict[date, set[str]]:
        """Ids of the meetings with an end on these days in any mention; reads all shards."""
        found: dict[date, set[str]] = {day: set() for day in days}
        for shard in [TAIL, *self._lake.partitions(MEETING_INDEX)]:
            with self._invalidating_on_damage(shard):
                rows = self._lake.read(MEETING_INDEX, shard, columns=["meeting_id", "date"])
            wanted = rows.filter(pc.is_in(rows["date"], pa.array(list(days), pa.date32())))
            for row in wanted.to_pylist():
                found[row["date"]].add(row["meeting_id"])
        return found

    def is_complete(self) -> bool:
        """Whether it has all events; not before the first ingest, nor after it was deleted."""
        return self._lake.storage.read_bytes(_COMPLETE) is not None

    def rebuild_if_incomplete(self) -> None:
        """Rebuild it from the events if it is not complete; INDEX_LOCK must be held."""
        if self.is_complete():
            return
        for shard in self._lake.partitions(MEETING_INDEX):
            self._lake.remove(MEETING_INDEX, shard)
        by_events = map(self._in_events, self._lake.partitions(WEBHOOK_EVENTS))
        by_listings = map(self._in_meetings, self._lake.partitions(MEETINGS))
        buffered: set[Mention] = set()
        for mentions in chain(by_events, by_listings):
            buffered.update(mentions)
            if len(buffered) > _BUFFERED_MENTIONS:
                self._spread(buffered)
                buffered.clear()
        self._spread(buffered)
        self._lake.storage.replace_bytes(_COMPLETE, b"")

    @contextmanager
    def _invalidating_on_damage(self, shard: str) -> Iterator[None]:
        try:
            yield
        except StorageError as error:
            if not _is_damage(error.__cause__):
                raise
            self._lake.storage.remove(_COMPLETE)
            path = self._lake.storage.where(folder_of(MEETING_INDEX, shard))
            raise StorageError(
                f"The index of meetings in {path} is damaged. Run again: the index is rebuilt from "
                "the events."
            ) from error

    def _in_meetings(self, partition: str) -> Iterator[Mention]:
        """The mentions of a day's meetings without an ended event, or whose events may be pruned.

        An event can tell of an end up to a day ahead.
        """
        day = date.fromisoformat(partition)
        has_events = day - timedelta(days=1) >= self._lake.floors.of(WEBHOOK_EVENTS)
        where = {"origin": [RECONCILED]} if has_events else None
        rows = self._lake.read(MEETINGS, day, columns=["meeting_id"], where=where)
        return (Mention(meeting, None, day) for meeting in rows["meeting_id"].to_pylist())

    def _in_events(self, partition: str) -> Iterator[Mention]:
        """The mentions in a partition of webhook_events."""
        received = None if partition == NULL_PARTITION else date.fromisoformat(partition)
        names = ["meeting_id", "meeting_ended_at"]
        rows = self._lake.read(WEBHOOK_EVENTS, received, columns=names, where={"resource": FOLDED})
        for meeting_id, ended in zip(*(rows[name].to_pylist() for name in names), strict=True):
            if meeting_id:
                yield Mention(meeting_id, received, ended.date() if ended else None)


def _table(mentions: Collection[Mention]) -> pa.Table:
    columns = zip(*mentions, strict=True) if mentions else [(), (), ()]
    arrays = (
        pa.array(values, field.type)
        for values, field in zip(columns, MEETING_INDEX.schema, strict=True)
    )
    return pa.table(list(arrays), schema=MEETING_INDEX.schema)


def _mentions(rows: pa.Table) -> Iterator[Mention]:
    columns = (rows[name].to_pylist() for name in Mention._fields)
    return map(Mention._make, zip(*columns, strict=True))


def _is_damage(cause: BaseException | None) -> bool:
    """Whether an error is damage: a full disk or a missing permission has an errno."""
    return isinstance(cause, (pa.ArrowException, OSError)) and not getattr(cause, "errno", None)


def _shard(meeting_id: str) -> str:
    return f"{zlib.crc32(meeting_id.encode()) % SHARDS:02x}"
