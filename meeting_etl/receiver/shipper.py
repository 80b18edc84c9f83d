"""class Shipper: what a receiver has on its disk → segments of logs in a bucket.

Belongs here: which bytes are shipped when, and removing a log from the disk once all of it is in
the bucket. Does not: appending (journal.py), names of segments (object_storage/log_segments.py).

What was shipped is what the bucket has: nothing is noted on the disk, so that a kill costs nothing.
Several processes may ship the same log: of each offset the bucket takes one segment.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from meeting_etl.errors import MeetingEtlError, StorageError
from meeting_etl.files import Files
from meeting_etl.object_storage.log_segments import LogSegments, chain_from, is_log
from meeting_etl.receiver.journal import Journal
from meeting_etl.times import Clock

SECONDS_BETWEEN = 5.0
# A segment ends with the first line that goes beyond.
_SEGMENT_BYTES = 8 * 1024 * 1024
# As long a stopping receiver waits for the bucket.
_STOP_SECONDS = 10.0
_SUFFIX = ".jsonl"


class Shipper:
    """Ships the logs in the folder of `files`, whose names are those of journal.shipped_names.

    `receiver` is the folder of its logs in the bucket. `notify` is called with a sentence when the
    bucket cannot be reached, and when it can again.
    """

    def __init__(
        self,
        files: Files,
        segments: LogSegments,
        receiver: str,
        clock: Clock,
        notify: Callable[[str], None],
    ) -> None:
        self.last_error: str | None = None
        self.waiting_bytes = 0
        self._files, self._segments, self._receiver = files, segments, receiver
        self._clock, self._notify = clock, notify
        # Up to where the logs on the disk are in the bucket, as far as known, by file.
        self._ends: dict[str, int] = {}
        self._complete_at = clock.monotonic()

    @property
    def lag_seconds(self) -> float:
        """Time since all that was on the disk was in the bucket, too."""
        return self._clock.monotonic() - self._complete_at

    def ship(self) -> None:
        """Ship all whole lines that are on the disk; never raises."""
        started = self._clock.monotonic()
        try:
            names = [name for name in self._files.names(".") if self._is_log(name)]
            self._ends = {name: end for name, end in self._ends.items() if name in names}
            self.waiting_bytes = sum(self._waiting_bytes(name) for name in names)
            for name in names:
                self._ship_log(name)
        except (MeetingEtlError, OSError) as error:
            if self.last_error is None:
                self._notify(
                    f"Events are stored on this disk, but not shipped until this is fixed: {error}"
                )
            self.last_error = str(error)
            return
        self.waiting_bytes = 0
        self._complete_at = started
        if self.last_error is not None:
            self._notify("All events are shipped again.")
        self.last_error = None

    def _is_log(self, name: str) -> bool:
        return name.endswith(_SUFFIX) and is_log(self._log_of(name))

    def _log_of(self, name: str) -> str:
        return f"{self._receiver}/{name.removesuffix(_SUFFIX)}"

    def _waiting_bytes(self, name: str) -> int:
        return max(0, (self._files.size_bytes(name) or 0) - self._ends.get(name, 0))

    def _ship_log(self, name: str) -> None:
        """Ship what is new in a log. One to which nothing is appended any more is ended, too."""
        file = self._files.open_to_append(name)
        if file is None:
            with suppress(FileNotFoundError):  # another process has shipped and removed it
                self._ship_lines(name)
            return
        with file:
            # Terminates the line that a crash left, and makes all durable.
            self._files.append(file, b"")
            end = self._ship_lines(name)
            if end:
                self._segments.add(self._log_of(name), end, b"")
            self._files.remove(name)
            self._ends.pop(name, None)

    def _ship_lines(self, name: str) -> int:
        """Ship all whole lines; returns the offset after them."""
        log = self._log_of(name)
        if name not in self._ends:
            self._ends[name] = self._shipped(log)
        while lines := _durable_lines(self._files.path(name), self._ends[name]):
            begin = self._ends[name]
            if self._segments.add(log, begin, lines):
                self._ends[name] = begin + len(lines)
                continue
            # It was added before, by another process or in a request whose response was lost.
            self._ends[name] = self._shipped(log)
            if self._ends[name] <= begin:
                raise StorageError(
                    f"{self._segments.where(log)} was ended at byte {begin:,}, and "
                    f"{self._files.where(name)} is longer: move that file into webhook_logs/, "
                    "where runs on this machine read it."
                )
        return self._ends[name]

    def _shipped(self, log: str) -> int:
        return chain_from(self._segments.of(log), 0).end


def _durable_lines(path: Path, begin: int) -> bytes:
    """Whole lines from an offset on, some MiB at most unless one line is longer.

    They are on the disk before they are in the bucket: what a loss of power takes from the disk
    would leave bytes in the bucket that belong to no line here.
    """
    with path.open("rb") as file:
        file.seek(begin)
        lines = file.read(_SEGMENT_BYTES)
        if not lines:
            return b""
        lines += b"" if lines.endswith(b"\n") else file.readline()
        os.fdatasync(file.fileno())
    return lines[: lines.rfind(b"\n") + 1]


@contextmanager
def shipping(
    shipper: Shipper, journal: Journal, seconds_between: float = SECONDS_BETWEEN
) -> Iterator[None]:
    """Ship in a thread during the block; at its end close the journal and ship what is left.

    The end takes some seconds at most: what cannot be shipped stays on the disk.
    """
    stop = threading.Event()

    def work() -> None:
        shipper.ship()
        while not stop.wait(seconds_between):
            journal.close_finished()
            shipper.ship()

    thread = _started(work)
    try:
        yield
    finally:
        stop.set()
        thread.join(_STOP_SECONDS)
        journal.close()
        if shipper.last_error is None and not thread.is_alive():
            _started(shipper.ship).join(_STOP_SECONDS)


def _started(work: Callable[[], None]) -> threading.Thread:
    # A process ends without it: a request may take minutes.
    thread = threading.Thread(target=work, name="shipper", daemon=True)
    thread.start()
    return thread
