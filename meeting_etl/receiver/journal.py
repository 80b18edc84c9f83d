"""class Journal: appends lines to the log of the hour; an append returns when the line is durable.

Belongs here: which file a line goes to, and group commit: lines that arrive while the disk is busy
are written together and share one fsync. Does not: the form of a line (envelope.py), making bytes
durable (files.py).

    YYYY-MM-DD/webhooks-YYYY-MM-DDTHH.jsonl       the UTC hour in which the lines were written
    YYYY-MM-DD/webhooks-YYYY-MM-DDTHH-2.jsonl     the same for a second receiver, and so on
"""

import asyncio
import contextlib
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from meeting_etl.errors import StorageError
from meeting_etl.files import Files
from meeting_etl.receiver.metrics import Histogram
from meeting_etl.times import Clock


class Journal:
    """Appends to the logs below the root of `files`; for one event loop.

    A file belongs to one journal at a time, over all processes. `last_error` is the message when
    the latest write failed, else None; `notify` is called with a sentence when that changes, from
    another thread. `fsync_seconds` has the time of each write with its fsync.
    """

    def __init__(
        self, files: Files, clock: Clock, notify: Callable[[str], None] = lambda _: None
    ) -> None:
        self.last_error: str | None = None
        self.fsync_seconds = Histogram()
        self._files = files
        self._clock = clock
        self._notify = notify
        self._file: io.FileIO | None = None
        self._stem = ""
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
        now = self._clock.now()
        stem = f"{now:%Y-%m-%d}/webhooks-{now:%Y-%m-%dT%H}"
        if self._file is None or stem != self._stem or not self._files.is_in_place(self._file):
            self._close_file()
            self._file, self._stem = self._free_file(*stem.split("/")), stem
        return self._file

    def _free_file(self, folder: str, stem: str) -> io.FileIO:
        existing = self._files.names(folder)
        for number in count(1):
            name = f"{stem}-{number}.jsonl" if number > 1 else f"{stem}.jsonl"
            # X.gz is skipped when logs are read while X exists.
            if f"{name}.gz" in existing:
                continue
            if file := self._files.open_to_append(f"{folder}/{name}"):
                return file
        raise AssertionError("numbers do not end")

    def _close_file(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # everything was fsynced
                self._file.close()
        self._file = None
