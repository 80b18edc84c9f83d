"""Transfer: brings one file here, and goes on where an earlier attempt was broken off.

Belongs here: the unfinished file and what is noted of it, resuming, renewed links, the free space
that must stay. Does not: which files are wanted (recording_files.py), HTTP (webex/media.py).
"""

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Lock

from meeting_etl.errors import BadResponse, Stopped, StorageError
from meeting_etl.files import Files
from meeting_etl.times import Clock
from meeting_etl.webex.media import ByteRange, LinkRefused, MediaClient, RangeChanged
from meeting_etl.webex.rate_limit import LONGEST_PAUSE_SECONDS
from meeting_etl.webex.transport import TransientError

# What was written since the last sync may be lost in a power cut: after a kill so much, and the
# piece that was being written, is sent again.
_SYNC_BYTES = 2**20
_UNSURE_BYTES = _SYNC_BYTES + 256 * 1024
# Less than this is no progress: a host that cuts each connection at once is given up.
_PROGRESS_BYTES = 2**20
_READ_BYTES = 2**20
_MEGABYTE = 10**6
_ATTEMPTS = 5
_LONGEST_WAIT_SECONDS = 60.0
_LONGEST_VERSION = 500


class ByteProgress:
    """How much of all files is here, for whoever watches; for any number of threads."""

    def __init__(self, progress: Callable[[str, int, int], None]) -> None:
        self._progress = progress
        self._lock = Lock()
        self._here = self._expected = 0

    def add(self, here: int = 0, expected: int = 0) -> None:
        """Count bytes that are here, or that are known to come."""
        with self._lock:
            self._here += here
            self._expected += expected
            self._progress("downloads, MB", self._here // _MEGABYTE, self._expected // _MEGABYTE)


@dataclass(frozen=True)
class DownloadContext:
    """Where files come from and where they go.

    `keep_free_bytes` stay free on the disk; `cancel` makes all transfers end soon.
    """

    files: Files
    media: MediaClient
    clock: Clock
    keep_free_bytes: int
    cancel: Event
    byte_progress: ByteProgress


@dataclass(frozen=True)
class DownloadedFile:
    """A file that is here as a whole."""

    size_bytes: int
    sha256: str
    media_type: str


class Download:
    """One file on its way to `folder/.<stem>.part`, then to the name that `finish` is given."""

    def __init__(self, download_context: DownloadContext, folder: str, stem: str) -> None:
        self._depot = download_context
        self._partial = f"{folder}/.{stem}.part"
        self._note = f"{folder}/.{stem}.part.json"
        self._version: str | None = None
        self._total: int | None = None
        self._told = 0
        self._size = self._synced = 0
        self._digest = hashlib.sha256()
        self._media_type = ""

    def run(
        self, link: str, renewed: Callable[[], str], told_bytes: int | None = None
    ) -> DownloadedFile:
        """Get all of the file; `renewed` gives a new link when the present one has expired.

        Where the host does not say how large it is, less than `told_bytes` is not all of it.
        Raises BadResponse when the download fails, LinkRefused when a new link does not help,
        Stopped, and StorageError when the disk is full or would be. The next attempt resumes.
        """
        self._told = told_bytes or 0
        with self._depot.files.open_partial(self._partial) as file:
            self._take_up(file)
            faults, refused_at, was = 0, -1, self._size
            while True:
                try:
                    self._receive(link, file)
                    with self._depot.files.translate_errors(self._partial):
                        file.truncate(self._size)
                    self._depot.files.sync(self._partial, file)
                    return DownloadedFile(self._size, self._digest.hexdigest(), self._media_type)
                except LinkRefused:
                    if refused_at == self._size:
                        raise
                    refused_at = self._size
                    link = renewed()
                except RangeChanged:
                    if not self._size:
                        raise
                    self._begin(file)
                except TransientError as error:
                    faults = 1 if self._size >= was + _PROGRESS_BYTES else faults + 1
                    was = max(was, self._size)
                    self._give_up_if_hopeless(error, faults)
                    self._pause(error, faults)

    def finish(self, name: str) -> None:
        """Give the whole file its name, in the folder."""
        self._depot.files.finish(self._partial, name)
        self._depot.files.remove(self._note)

    def _take_up(self, file: io.FileIO) -> None:
        """Go on with what an earlier attempt left, as far as it is sure to be on the disk.

        The rest stays until it is written over: an attempt that gets nothing must not lose any.
        """
        self._version, self._total = self._noted()
        with self._depot.files.translate_errors(self._partial, doing="read"):
            size = file.seek(0, io.SEEK_END)
            self._size = self._synced = max(0, size - _UNSURE_BYTES) if self._total else 0
            if self._total is None:
                # Nobody knows what it begins: behind new bytes it would pass as theirs.
                file.truncate(0)
            file.seek(0)
            left = self._size
            while left and (piece := file.read(min(left, _READ_BYTES))):
                self._digest.update(piece)
                left -= len(piece)
        self._depot.byte_progress.add(here=self._size, expected=self._total or 0)

    def _noted(self) -> tuple[str | None, int | None]:
        try:
            known = json.loads(self._depot.files.read_bytes(self._note) or b"{}")
            return known["version"], int(known["total"])
        except (KeyError, TypeError, ValueError):
            return None, None

    def _receive(self, link: str, file: io.FileIO) -> None:
        if self._total is None and self._size:
            self._begin(file)  # of what it is the beginning nobody can say
        with self._depot.media.open(link, start=self._size, version=self._version) as stretch:
            if stretch.start and self._is_other(stretch):
                raise RangeChanged("The file is another one by now.")
            if stretch.start < self._size:
                self._begin(file)
            self._note_down(stretch)
            self._check_space((stretch.total_bytes or self._size) - self._size)
            for piece in stretch.pieces:
                self._keep(piece, file)
        if self._size != self._total if self._total is not None else self._size < self._told:
            raise TransientError("The file is truncated")

    def _is_other(self, stretch: ByteRange) -> bool:
        """Whether a rest is of another file; not every host heeds If-Range, or tells a version."""
        told, known = stretch.version, self._version
        return stretch.total_bytes != self._total or (None not in (told, known) and told != known)

    def _begin(self, file: io.FileIO) -> None:
        """From the first byte."""
        self._depot.byte_progress.add(here=-self._size, expected=-(self._total or 0))
        with self._depot.files.translate_errors(self._partial):
            file.seek(0)
            file.truncate()
        # Before the note of another file may last.
        self._depot.files.sync(self._partial, file)
        self._size = self._synced = 0
        self._version = self._total = None
        self._digest = hashlib.sha256()

    def _note_down(self, stretch: ByteRange) -> None:
        """By what the next attempt knows whether it may go on with what is here."""
        version = stretch.version if len(stretch.version or "") <= _LONGEST_VERSION else None
        if stretch.start and version is None:
            version = self._version  # a rest need not tell it again
        self._media_type = stretch.media_type
        if (version, stretch.total_bytes) == (self._version, self._total):
            return
        self._depot.byte_progress.add(expected=(stretch.total_bytes or 0) - (self._total or 0))
        self._version, self._total = version, stretch.total_bytes
        note = {"version": version, "total": stretch.total_bytes}
        self._depot.files.replace_bytes(self._note, json.dumps(note).encode())

    def _keep(self, piece: bytes, file: io.FileIO) -> None:
        if self._depot.cancel.is_set():
            raise Stopped("The download was interrupted; it goes on from here.")
        self._depot.files.write(self._partial, file, piece)
        self._digest.update(piece)
        self._size += len(piece)
        self._depot.byte_progress.add(here=len(piece))
        if self._size - self._synced >= _SYNC_BYTES:
            self._depot.files.sync(self._partial, file)
            self._synced = self._size
            self._check_space(0)

    def _check_space(self, missing_bytes: int) -> None:
        free, floor = self._depot.files.free_bytes(), self._depot.keep_free_bytes
        if free - missing_bytes >= floor:
            return
        told = (
            f"A download needs {missing_bytes / 1e6:,.0f} MB more, of {free / 1e6:,.0f} MB "
            f"that are free {floor / 1e6:,.0f} MB are to stay so: free some space, or lower "
            "keep_free_bytes in [downloads]."
        )
        # One that is too large for what is free must not keep smaller ones from coming.
        raise StorageError(told) if free < floor else BadResponse(told)

    def _give_up_if_hopeless(self, error: TransientError, faults: int) -> None:
        """Raise BadResponse when it failed often enough, or the host says "later" for too long."""
        retry_after_seconds = error.retry_after_seconds or 0.0
        if faults < _ATTEMPTS and retry_after_seconds <= _LONGEST_WAIT_SECONDS:
            return
        wait = timedelta(seconds=min(retry_after_seconds, LONGEST_PAUSE_SECONDS))
        retry_at = self._depot.clock.now() + wait if retry_after_seconds else None
        times = f"{faults} times" if faults > 1 else "once"
        raise BadResponse(f"{error}, {times}.", error.http_status, retry_at=retry_at) from error

    def _pause(self, error: TransientError, faults: int) -> None:
        """Wait a while, but not when everything is to stop."""
        seconds = error.retry_after_seconds or 2.0 ** (faults - 1)
        until = self._depot.clock.monotonic() + seconds
        while (left := until - self._depot.clock.monotonic()) > 0:
            if self._depot.cancel.is_set():
                raise Stopped("The download was interrupted; it goes on from here.")
            self._depot.clock.sleep(min(left, 0.5))
