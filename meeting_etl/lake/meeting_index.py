"""class MeetingIndex: which received days speak of a meeting, and on which days it ended.

Belongs here: looking a meeting up by its id at a cost that hardly grows with the history, by
hashing ids over a fixed number of small files, and a tail of what is new. The index says nothing
that webhook_events and, of meetings without an ended event, the table of meetings do not say: when
it is missing it is made again from them. Does not: what the events mean.
"""

import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import chain
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from meeting_etl.errors import StorageError
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.partitions import NULL_PARTITION
from meeting_etl.schemas import MEETING_INDEX, MEETINGS, RECONCILED, WEBHOOK_EVENTS

SHARDS = 64
# The shard of all meetings that new mentions go to, one small file, until it has so many; then they
# are spread over the others.
TAIL = "tail"
TAIL_MENTIONS = 4096
# The lock of all who write the index; nobody waits for another one while holding it.
INDEX_LOCK = "meeting_index"
# Events of these resources say something of a meeting's rows; those of participants, two a person
# and meeting, do not.
FOLDED = ("meetings", "recordings", "meetingTranscripts")
# While it is made again so many mentions wait in memory, some 100 MB.
_WAITING_MENTIONS = 200_000
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
    """Mentions of meetings, found by meeting id. Written only under INDEX_LOCK.

    A damaged shard makes the index incomplete, so that the next run makes it again; the error says
    so.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def add(self, mentions: Iterable[Mention]) -> dict[str, list[Mention]]:
        """Remember mentions, and return those that were known of these meetings before.

        New ones cost one small file to write, and from time to time all of them.
        """
        new = set(mentions)
        known = self.find({mention.meeting_id for mention in new})
        new.difference_update(chain(*known.values()))
        self._lake.sweep([MEETING_INDEX], [TAIL])
        with self._giving_up_damaged(TAIL):
            waiting = self._lake.read(MEETING_INDEX, TAIL)
            if waiting.num_rows + len(new) <= TAIL_MENTIONS:
                self._lake.merge(MEETING_INDEX, TAIL, _table(new))
                return known
        self._spread(new.union(_mentions(waiting)))
        # Killed before this they are there twice, which is as once; so whoever looks for a meeting
        # reads the tail first.
        self._lake.replace(MEETING_INDEX, TAIL, MEETING_INDEX.schema.empty_table())
        return known

    def _spread(self, mentions: Iterable[Mention]) -> None:
        shards: dict[str, set[Mention]] = defaultdict(set)
        for mention in mentions:
            shards[_shard(mention.meeting_id)].add(mention)
        for shard, some in shards.items():
            self._lake.sweep([MEETING_INDEX], [shard])
            with self._giving_up_damaged(shard):
                self._lake.merge(MEETING_INDEX, shard, _table(some))

    def find(self, meeting_ids: Collection[str]) -> dict[str, list[Mention]]:
        """All mentions of the given meetings."""
        shards: dict[str, list[str]] = {TAIL: list(meeting_ids)}
        for meeting_id in meeting_ids:
            shards.setdefault(_shard(meeting_id), []).append(meeting_id)
        mentions: set[Mention] = set()
        for shard, ids in shards.items() if meeting_ids else ():
            with self._giving_up_damaged(shard):
                rows = self._lake.read(MEETING_INDEX, shard, where={"meeting_id": ids})
            mentions.update(_mentions(rows))
        found: dict[str, list[Mention]] = defaultdict(list)
        for mention in mentions:
            found[mention.meeting_id].append(mention)
        return found

    def ended_on(self, days: Collection[date]) -> dict[date, set[str]]:
        """Ids of the meetings that were ever said to have ended on these days; reads all shards."""
        found: dict[date, set[str]] = {day: set() for day in days}
        for shard in [TAIL, *self._lake.partitions(MEETING_INDEX)]:
            with self._giving_up_damaged(shard):
                rows = self._lake.read(MEETING_INDEX, shard, columns=["meeting_id", "date"])
            wanted = rows.filter(pc.is_in(rows["date"], pa.array(list(days), pa.date32())))
            for row in wanted.to_pylist():
                found[row["date"]].add(row["meeting_id"])
        return found

    def is_complete(self) -> bool:
        """Whether it knows all events; not so before the first ingest and when it was deleted."""
        return self._lake.files.read_bytes(_COMPLETE) is not None

    def rebuild_if_incomplete(self) -> None:
        """Make it from the events if it is not complete; INDEX_LOCK must be held."""
        if self.is_complete():
            return
        for shard in self._lake.partitions(MEETING_INDEX):
            self._lake.remove(MEETING_INDEX, shard)
        told = map(self._of, self._lake.partitions(WEBHOOK_EVENTS))
        listed = map(self._reconciled, self._lake.partitions(MEETINGS))
        waiting: set[Mention] = set()
        for mentions in chain(told, listed):
            waiting.update(mentions)
            if len(waiting) > _WAITING_MENTIONS:
                self._spread(waiting)
                waiting.clear()
        self._spread(waiting)
        self._lake.files.replace_bytes(_COMPLETE, b"")

    @contextmanager
    def _giving_up_damaged(self, shard: str) -> Iterator[None]:
        try:
            yield
        except StorageError as error:
            if not _is_damage(error.__cause__):
                raise
            self._lake.files.remove(_COMPLETE)
            path = self._lake.files.path(self._lake.folder(MEETING_INDEX, shard))
            raise StorageError(
                f"The index of meetings is damaged in {path}. Run again: it is made again from the "
                "events."
            ) from error

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
    """Not so a disk that is full or a file that may not be read, which have an errno."""
    return isinstance(cause, (pa.ArrowException, OSError)) and not getattr(cause, "errno", None)


def _shard(meeting_id: str) -> str:
    return f"{zlib.crc32(meeting_id.encode()) % SHARDS:02x}"
