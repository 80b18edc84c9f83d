"""A folder of logs, and a reader that commits as the pipeline does."""

import gzip
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from meeting_etl.schemas import INGESTED_LOGS
from meeting_etl.webhook_logs.known_logs import KnownLogs
from meeting_etl.webhook_logs.logs import KnownLog, LogLine, LogReader, Logs, LogToRead


class Follower:
    """Reads what is new and remembers how far it got: what ingested_logs is for the pipeline."""

    def __init__(self, folder: Path, *, max_line_bytes: int = 1_000_000) -> None:
        self.folder = folder
        self.logs = Logs(folder, max_line_bytes=max_line_bytes)
        self.known: dict[str, KnownLog] = {}
        self.problems: list[str] = []

    def scan(self) -> list[LogToRead]:
        return self.logs.scan(known_logs(self.known.values()))

    def may_have_new_lines(self) -> bool:
        return self.logs.may_have_new_lines(known_logs(self.known.values()))

    def catch_up(self, *, at_most: int | None = None) -> list[tuple[str, LogLine]]:
        """New lines with the ids of their logs; of each log at most so many."""
        new: list[tuple[str, LogLine]] = []
        self.problems = []
        for log_to_read in self.scan():
            with self.logs.read(log_to_read) as reader:
                for count, line in enumerate(reader, 1):
                    new.append((log_to_read.log_id, line))
                    if count == at_most:
                        break
                self.commit(log_to_read, reader)
            self.problems += [reader.problem] if reader.problem else []
        self.problems += self.logs.problems
        return new

    def new_data(self) -> list[bytes | None]:
        return [line.data for _, line in self.catch_up()]

    def commit(self, log_to_read: LogToRead, reader: LogReader) -> None:
        self.known[log_to_read.log_id] = KnownLog(
            log_id=log_to_read.log_id,
            log_file=log_to_read.log_file,
            bytes_consumed=reader.consumed,
            lines=reader.lines,
            size=reader.size,
            mtime=reader.mtime,
            head=reader.head,
            tail=reader.tail,
        )


def known_logs(logs: Iterable[KnownLog] = ()) -> KnownLogs:
    """These logs as the table ingested_logs tells them."""
    rows = [
        {
            **{name: getattr(log, name) for name in KnownLog._fields[:-2]},
            "digests": {"head": log.head, "tail": log.tail},
        }
        for log in logs
    ]
    return KnownLogs(pa.Table.from_pylist(rows, schema=INGESTED_LOGS.schema))


def append(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(content)


def compress(path: Path) -> Path:
    """What gzip does: X becomes X.gz."""
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    return packed
