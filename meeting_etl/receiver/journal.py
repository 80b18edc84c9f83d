"""class Journal: appends lines to the log of the hour; an append returns when the line is durable.

Belongs here: which file a line goes to, and group commit: lines that arrive while the disk is busy
are written together and share one fsync. Does not: the form of a line (envelope.py), making bytes
durable (files.py).

    YYYY-MM-DD/webhooks-YYYY-MM-DDTHH.jsonl       the UTC hour in which the lines were written
    YYYY-MM-DD/webhooks-YYYY-MM-DDTHH-2.jsonl     the same for a second receiver, and so on

A log that is shipped has an id in its name, YYYY-MM-DDTHH-<log id>.jsonl, and is never opened
again after it was closed: who can lock it knows that nothing will be appended to it.
"""

import asyncio
import contextlib
import io
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.receiver.metrics import Histogram
from meeting_etl.times import Clock


def numbered_names(hour: str) -> Iterator[str]:
    """Names for the log of an hour, to be tried one after the other."""
    stem = f"{hour[:10]}/webhooks-{hour}"
    for number in count(1):
        yield f"{stem}-{number}.jsonl" if number > 1 else f"{stem}.jsonl"


def shipped_names(hour: str) -> Iterator[str]:
    """The same for logs that are shipped: no other log, of any receiver, has such a name."""
    while True:
        yield f"{hour}-{uuid.uuid4().hex[:16]}.jsonl"


class Journal:
    """Appends to the logs below the root of `files`; for one event loop.

    `names` has names for the log of an hour (YYYY-MM-DDTHH), to be tried in their order. A file
    belongs to one journal at a time, over all processes. `last_error` is the message when the
    latest write failed, else None; `notify` is called with a sentence when that changes, from
    another thread. `fsync_seconds` has the time of each write with its fsync.
    """

    def __init__(
        self,
        files: Files,
        clock: Clock,
        notify: Callable[[str], None] = lambda _: None,
        names: Callable[[str], Iterator[str]] = numbered_names,
    ) -> None:
        self.last_error: str | None = None
        self.fsync_seconds = Histogram()
        self._files = files
        self._clock = clock
        self._notify = notify
        self._names = names
        self._file: io.FileIO | None = None
        self._hour = ""
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        # One thread, so that the loop never waits for the disk and files see one writer.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="journal")

    def open(self) -> None:
        """Open the log of this hour, so that a folder that cannot be written is noticed now.

        An incomplete line that a crash left at its end gets a newline. Raises StorageError.
        """
        self._write(b"")

    def close(self) -> None:
        """Finish writing and close the file."""
        self._executor.shutdown()
        self._close_file()

    def close_finished(self) -> None:
        """Close the file of an hour that is over, although no line came since; from any thread."""
        self._executor.submit(self._close_finished).result()

    async def append(self, line: bytes) -> None:
        """Write a line, given with its newline; returns when it is durable.

        Raises StorageError when it may not be. A line that is then sent again may be stored twice.
        """
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((line, written))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_waiting())
        await written

    async def _write_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            group, self._waiting = self._waiting, []
            lines = b"".join(line for line, _ in group)
            outcome = loop.run_in_executor(self._executor, self._write, lines)
            await asyncio.wait([outcome])
            error = outcome.exception()
            for _, written in group:
                if written.done():  # its request was cancelled
                    continue
                if error is None:
                    written.set_result(None)
                else:
                    written.set_exception(error)
        self._writing = None

    def _write(self, lines: bytes) -> None:
        try:
            file = self._file_of_this_hour()
            started = self._clock.monotonic()
            self._files.append(file, lines)
        except StorageError as error:
            self._close_file()
            if self.last_error is None:
                self._notify(f"Events are refused until this is fixed: {error}")
            self.last_error = str(error)
            raise
        self.fsync_seconds.add(self._clock.monotonic() - started)
        if self.last_error is not None:
            self._notify("Events are accepted again.")
        self.last_error = None

    def _file_of_this_hour(self) -> io.FileIO:
        """The open file, or a new one when the hour is over or the file was moved away."""
        hour = self._this_hour()
        if self._file is None or hour != self._hour or not self._files.is_in_place(self._file):
            self._close_file()
            self._file, self._hour = self._free_file(hour), hour
        return self._file

    def _this_hour(self) -> str:
        return f"{self._clock.now():%Y-%m-%dT%H}"

    def _free_file(self, hour: str) -> io.FileIO:
        for name in self._names(hour):
            # X.gz is skipped when logs are read while X exists.
            if self._files.size_bytes(f"{name}.gz") is not None:
                continue
            if file := self._files.open_to_append(name):
                return file
        raise AssertionError("names do not end")

    def _close_finished(self) -> None:
        if self._hour != self._this_hour():
            self._close_file()

    def _close_file(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # everything was fsynced
                self._file.close()
        self._file = None
