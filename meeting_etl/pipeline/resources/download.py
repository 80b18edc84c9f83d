"""class Download: brings one file here, and resumes where an earlier attempt was broken off.

Belongs here: the partial file and its state, resuming, renewed links, the free space that must
stay. Does not: which files are wanted (recording_files.py), HTTP (webex/media.py).
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
from meeting_etl.storage import Storage
from meeting_etl.times import Clock
from meeting_etl.webex.bucket import LONGEST_PAUSE_SECONDS
from meeting_etl.webex.media import ByteRange, LinkRefused, MediaClient, RangeChanged
from meeting_etl.webex.transport import TransientError

# What was written since the last sync may be lost in a power cut. After a kill that much, and the
# piece that was being written, is downloaded again.
_SYNC_BYTES = 2**20
_UNSURE_BYTES = _SYNC_BYTES + 256 * 1024
# Less than this is no progress: a host that cuts each connection is given up.
_PROGRESS_BYTES = 2**20
_READ_BYTES = 2**20
_MEGABYTE = 10**6
_ATTEMPTS = 5
_LONGEST_WAIT_SECONDS = 60.0
_LONGEST_VERSION = 500
_INTERRUPTED = "The download was interrupted; the next run resumes it."


class ByteProgress:
    """How many bytes of all files were downloaded, as progress; for any number of threads."""

    def __init__(self, progress: Callable[[str, int, int], None]) -> None:
        self._progress = progress
        self._lock = Lock()
        self._received = self._expected = 0

    def add(self, received: int = 0, expected: int = 0) -> None:
        """Count bytes that were received, or that are expected."""
        with self._lock:
            self._received += received
            self._expected += expected
            received_mb, expected_mb = self._received // _MEGABYTE, self._expected // _MEGABYTE
            self._progress("downloads, MB", received_mb, expected_mb)


@dataclass(frozen=True)
class DownloadContext:
    """Where files come from and where they go: `files` while they are partial, then `storage`.

    `keep_free_bytes` stay free on the disk; `cancel` makes all downloads end soon.
    """

    files: Files
    storage: Storage
    media: MediaClient
    clock: Clock
    keep_free_bytes: int
    cancel: Event
    byte_progress: ByteProgress


@dataclass(frozen=True)
class DownloadedFile:
    """A file that was downloaded completely."""

    size_bytes: int
    sha256: str
    media_type: str


class Download:
    """One file, first as `folder/.<stem>.part`, then under the name that `finish` is given."""

    def __init__(self, context: DownloadContext, folder: str, stem: str) -> None:
        self._context = context
        self._files = context.files
        self._partial = f"{folder}/.{stem}.part"
        self._state = f"{folder}/.{stem}.part.json"
        self._version: str | None = None
        self._total_bytes: int | None = None
        self._listed_bytes = 0
        self._received_bytes = self._synced_bytes = 0
        self._digest = hashlib.sha256()
        self._media_type = ""

    def run(
        self, link: str, renew_link: Callable[[], str], listed_bytes: int | None = None
    ) -> DownloadedFile:
        """Download all of the file; `renew_link` returns a new link when the present one expired.

        Where the host sends no size, less than `listed_bytes` is not all of it. Raises BadResponse
        when the download fails, LinkRefused when a new link does not help, Stopped, and
        StorageError when the disk is full or would be. The next attempt resumes.
        """
        self._listed_bytes = listed_bytes or 0
        with self._files.open_to_write(self._partial) as file:
            self._resume(file)
            faults, refused_at, furthest = 0, -1, self._received_bytes
            while True:
                try:
                    self._receive(link, file)
                    return self._completed(file)
                except LinkRefused:
                    if refused_at == self._received_bytes:
                        raise
                    refused_at = self._received_bytes
                    link = renew_link()
                except RangeChanged:
                    if not self._received_bytes:
                        raise
                    self._restart(file)
                except TransientError as error:
                    has_progress = self._received_bytes >= furthest + _PROGRESS_BYTES
                    faults = 1 if has_progress else faults + 1
                    furthest = max(furthest, self._received_bytes)
                    self._give_up_after_too_many(faults, error)
                    self._back_off(faults, error)

    def finish(self, name: str) -> None:
        """Give the complete file its name, in the folder.

        Raises BadResponse when an erasure has removed it meanwhile.
        """
        is_there = self._files.size_bytes(self._partial) is not None
        if is_there:
            self._context.storage.move_in(self._files.path(self._partial), name)
        self._files.remove(self._state)
        if not is_there:
            raise BadResponse(f"{self._partial} was removed while it was downloaded.")

    def _resume(self, file: io.FileIO) -> None:
        """Take what an earlier attempt left, as far as it is surely on the disk.

        The rest stays until it is overwritten: an attempt that receives nothing must not lose any.
        """
        self._version, self._total_bytes = self._read_state()
        with self._files.translate_errors(self._partial, doing="read"):
            size = file.seek(0, io.SEEK_END)
            sure_bytes = max(0, size - _UNSURE_BYTES) if self._total_bytes else 0
            self._received_bytes = self._synced_bytes = sure_bytes
            if self._total_bytes is None:
                # Of which file these bytes are is unknown: behind new ones they would count as
                # part of these.
                file.truncate(0)
            file.seek(0)
            left = sure_bytes
            while left and (piece := file.read(min(left, _READ_BYTES))):
                self._digest.update(piece)
                left -= len(piece)
        self._context.byte_progress.add(received=sure_bytes, expected=self._total_bytes or 0)

    def _read_state(self) -> tuple[str | None, int | None]:
        try:
            state = json.loads(self._files.read_bytes(self._state) or b"{}")
            return state["version"], int(state["total"])
        except (KeyError, TypeError, ValueError):
            return None, None

    def _write_state(self, part: ByteRange) -> None:
        """Write what the next attempt needs to know to resume."""
        version = part.version if len(part.version or "") <= _LONGEST_VERSION else None
        if part.start and version is None:
            version = self._version  # the host need not repeat it for a later part
        self._media_type = part.media_type
        if (version, part.total_bytes) == (self._version, self._total_bytes):
            return
        self._context.byte_progress.add(expected=(part.total_bytes or 0) - (self._total_bytes or 0))
        self._version, self._total_bytes = version, part.total_bytes
        state = {"version": version, "total": part.total_bytes}
        self._files.replace_bytes(self._state, json.dumps(state).encode())

    def _receive(self, link: str, file: io.FileIO) -> None:
        """Receive the bytes that are missing."""
        if self._total_bytes is None and self._received_bytes:
            self._restart(file)  # without a size it cannot be resumed
        start, version = self._received_bytes, self._version
        with self._context.media.open(link, start=start, version=version) as part:
            if part.start and self._is_other_file(part):
                raise RangeChanged("The file has changed.")
            if part.start < self._received_bytes:
                self._restart(file)
            self._write_state(part)
            self._check_space((part.total_bytes or self._received_bytes) - self._received_bytes)
            for piece in part.pieces:
                self._write(piece, file)
        if self._is_truncated():
            raise TransientError("The file is truncated")

    def _is_truncated(self) -> bool:
        if self._total_bytes is None:
            return self._received_bytes < self._listed_bytes
        return self._received_bytes != self._total_bytes

    def _is_other_file(self, part: ByteRange) -> bool:
        """Whether a part is of another file: not every host obeys If-Range or sends a version."""
        if part.total_bytes != self._total_bytes:
            return True
        return None not in (part.version, self._version) and part.version != self._version

    def _restart(self, file: io.FileIO) -> None:
        """Start again at the first byte."""
        self._context.byte_progress.add(
            received=-self._received_bytes, expected=-(self._total_bytes or 0)
        )
        with self._files.translate_errors(self._partial):
            file.seek(0)
            file.truncate()
        # Before the state of another file can be durable.
        self._files.sync(self._partial, file)
        self._received_bytes = self._synced_bytes = 0
        self._version = self._total_bytes = None
        self._digest = hashlib.sha256()

    def _write(self, piece: bytes, file: io.FileIO) -> None:
        if self._context.cancel.is_set():
            raise Stopped(_INTERRUPTED)
        self._files.write(self._partial, file, piece)
        self._digest.update(piece)
        self._received_bytes += len(piece)
        self._context.byte_progress.add(received=len(piece))
        if self._received_bytes - self._synced_bytes >= _SYNC_BYTES:
            self._files.sync(self._partial, file)
            self._synced_bytes = self._received_bytes
            self._check_space(0)

    def _completed(self, file: io.FileIO) -> DownloadedFile:
        """The file, made durable, without what an earlier attempt left behind its end."""
        with self._files.translate_errors(self._partial):
            file.truncate(self._received_bytes)
        self._files.sync(self._partial, file)
        return DownloadedFile(self._received_bytes, self._digest.hexdigest(), self._media_type)

    def _check_space(self, missing_bytes: int) -> None:
        free_bytes, floor = self._files.free_bytes(), self._context.keep_free_bytes
        if free_bytes - missing_bytes >= floor:
            return
        message = (
            f"A download needs {missing_bytes / 1e6:,.0f} MB more, but only {free_bytes / 1e6:,.0f}"
            f" MB are free, of which {floor / 1e6:,.0f} MB must stay free: free some space, or "
            "lower keep_free_bytes in [downloads]."
        )
        # A file that is too large for the free space must not stop the download of smaller ones.
        raise StorageError(message) if free_bytes < floor else BadResponse(message)

    def _give_up_after_too_many(self, faults: int, error: TransientError) -> None:
        """Raise BadResponse after enough faults, or when Retry-After is too long."""
        retry_after_seconds = error.retry_after_seconds or 0.0
        if faults < _ATTEMPTS and retry_after_seconds <= _LONGEST_WAIT_SECONDS:
            return
        wait = timedelta(seconds=min(retry_after_seconds, LONGEST_PAUSE_SECONDS))
        retry_at = self._context.clock.now() + wait if retry_after_seconds else None
        times = f"{faults} times" if faults > 1 else "once"
        raise BadResponse(f"{error}, {times}.", error.http_status, retry_at=retry_at) from error

    def _back_off(self, faults: int, error: TransientError) -> None:
        """Wait before the next attempt; raises Stopped when downloads are cancelled."""
        seconds = error.retry_after_seconds or 2.0 ** (faults - 1)
        end = self._context.clock.monotonic() + seconds
        while (left := end - self._context.clock.monotonic()) > 0:
            if self._context.cancel.is_set():
                raise Stopped(_INTERRUPTED)
            self._context.clock.sleep(min(left, 0.5))
