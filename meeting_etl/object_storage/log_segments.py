"""Webhook logs in a bucket: each a folder of segments, which are never appended to.

Belongs here: names of logs and segments, and which bytes of a log there are. Does not: shipping
them (receiver/shipper.py), reading lines (webhook_logs/segmented_logs.py).

    webhook_logs/<receiver>/<UTC hour>-<log id>/<offset of the first byte>.jsonl

A log is its segments in the order of offsets. Each has whole lines; an empty one ends the log.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from meeting_etl.object_storage.object_files import ObjectFiles

_FOLDER = "webhook_logs"
_ID = re.compile(r"\d{4}-\d\d-\d\dT\d\d-([0-9a-f]{16})")
_OFFSET = re.compile(r"(\d{12,})\.jsonl")


class Segment(NamedTuple):
    """An object with the bytes of a log from `offset` on; `modified_at` is aware."""

    name: str
    offset: int
    size_bytes: int
    modified_at: datetime

    @property
    def end(self) -> int:
        """The offset after its last byte."""
        return self.offset + self.size_bytes


class Chain(NamedTuple):
    """Segments without a gap between them. `end` is the offset up to which they have all bytes.

    `ended_at`: when the log was ended, None while it may go on. `has_gap`: bytes are missing there.
    """

    segments: Sequence[Segment]
    end: int
    ended_at: datetime | None
    has_gap: bool


class LogSegments:
    """The logs below `webhook_logs/` of a bucket's folder. All methods raise StorageError."""

    def __init__(self, bucket: ObjectFiles) -> None:
        self._bucket = bucket

    def where(self, log: str) -> str:
        """The URL of a log, for messages."""
        return self._bucket.where(f"{_FOLDER}/{log}")

    def logs(self) -> tuple[list[str], list[str]]:
        """Names of all logs, `<receiver>/<hour>-<log id>`; then of what is none."""
        logs, others = list[str](), list[str]()
        for receiver in self._bucket.names(_FOLDER):
            below = [f"{receiver}/{name}" for name in self._bucket.names(f"{_FOLDER}/{receiver}")]
            logs += (name for name in below if is_log(name))
            others += (name for name in below or [receiver] if not is_log(name))
        return logs, others

    def of(self, log: str) -> list[Segment]:
        """The segments of a log, by offset; none without the log."""
        found = []
        for each in self._bucket.objects(f"{_FOLDER}/{log}"):
            if match := _OFFSET.fullmatch(each.name.rsplit("/", 1)[-1]):
                offset = int(match[1])
                found.append(Segment(each.name, offset, each.size_bytes, each.modified_at))
        return sorted(found, key=lambda segment: segment.offset)

    def add(self, log: str, offset: int, lines: bytes) -> bool:
        """Add a segment, unless there is one with this offset; returns whether it was added."""
        return self._bucket.put_new(f"{_FOLDER}/{log}/{offset:012}.jsonl", lines)

    def read(self, segment: Segment) -> bytes:
        """The bytes of a segment. Raises FileNotFoundError when it was removed."""
        content = self._bucket.read_bytes(segment.name)
        if content is None:
            raise FileNotFoundError(2, "it was removed", segment.name)
        return content

    def replace(self, segment: Segment, lines: bytes) -> None:
        """Replace the bytes of a segment by as many."""
        if len(lines) != segment.size_bytes:
            raise ValueError("A segment keeps its length.")
        self._bucket.replace_bytes(segment.name, lines)


def is_log(name: str) -> bool:
    """Whether a path below webhook_logs/ names a log in a bucket; no file's does."""
    receiver, _, log = name.partition("/")
    return bool(receiver and _ID.fullmatch(log))


def id_of(log: str) -> str:
    """The id of a log by its name."""
    return log[-16:]


def chain_from(segments: Sequence[Segment], start: int) -> Chain:
    """Those of a log's segments that have its bytes from `start` on, up to the first gap."""
    found, end = list[Segment](), start
    for segment in segments:
        if segment.offset > end:
            return Chain(found, end, None, has_gap=True)
        if segment.end > end:
            found.append(segment)
            end = segment.end
        elif segment.offset == end:
            return Chain(found, end, segment.modified_at, has_gap=False)
    return Chain(found, end, None, has_gap=False)
