"""Which log files exist below the folder.

Belongs here: names, links, and what cannot be listed. Does not: opening a file (log_file.py),
identifying its log (scan.py).

A log is a regular file, at any depth, whose name ends in `.jsonl`, `.ndjson`, `.json` or `.log`,
optionally followed by the suffix of log rotation, a `.` or `-` with a number or date, and by `.gz`.
Names that begin with a dot are skipped, also of folders: programs use them for unfinished files,
and macOS for its own. All other files are listed as `unread`. Links to files and folders are
followed; a file with several paths is one log.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

# What log rotation appends: `.1`, `-20261120`, `-2026112014`, `.2026-11-20`, `-1795273205`.
_ROTATION = r"[.-][0-9][0-9T_:.-]*Z?"
_is_log_name = re.compile(
    rf".*\.(jsonl|ndjson|json|log)({_ROTATION})?(\.gz)?", re.I | re.S
).fullmatch
_ROTATED = re.compile(rf"{_ROTATION}\Z")
# A directory entry, which is cheaper than a Path with years of logs, and its path below the folder.
_Entry = tuple[os.DirEntry[str], str]


class FileStat(NamedTuple):
    """A log file: its size in bytes, and its modification time in nanoseconds since 1970."""

    size: int
    mtime: int


@dataclass(slots=True)
class Listing:
    """The log files by their path below the folder, with slashes, in the order of paths.

    `others` are paths that are named like logs and not listed: further paths of a file, a
    compressed copy beside a log, unreadable ones. `unread` are the files that are not named like
    logs, in any order. `unseen` are the unreadable paths: a log that was there may still be there.
    `problems` are sentences for the user.
    """

    found: dict[str, FileStat] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def may_hold(self, log_file: str) -> bool:
        """Whether a file that was not found may still exist, as its path is unreadable."""
        return any(path == log_file or log_file.startswith(f"{path}/") for path in self.unseen)

    def add_unseen(self, name: str, error: OSError) -> None:
        """Note that a file or folder cannot be read."""
        if name not in self.unseen:
            self.unseen.append(name)
            self.problems.append(f"{shown(name)} cannot be read: {error.strerror or error}.")


def list_logs(folder: Path) -> Listing:
    """List the logs. A folder that does not exist is empty; never raises OSError.

    `X.gz` is left out while `X` exists: it is just being compressed, or both are kept.
    """
    listing = Listing()
    found: dict[str, FileStat] = {}
    # By device and inode the path of the file, as one number: years of logs are many files.
    paths: dict[int, str] = {}
    links, others = set(), []
    for entry, name in _log_entries(folder, listing):
        status = _status(entry, name, listing)
        if status is None:
            others.append(name)
            continue
        found[name] = FileStat(status.st_size, status.st_mtime_ns)
        if entry.is_symlink():
            links.add(name)
        inode = status.st_dev << 64 | status.st_ino
        other = paths.setdefault(inode, name)
        if other is not name:
            first, second = sorted((name, other), key=lambda path: (path in links, path))
            paths[inode] = first
            others.append(second)
    for name in others:
        found.pop(name, None)
    for name in sorted(found):
        plain = name[:-3] if name.lower().endswith(".gz") else name
        if plain == name or not (plain in found or listing.may_hold(plain)):
            listing.found[name] = found[name]
        else:
            others.append(name)
    listing.others = others
    return listing


def names_of_logs(folder: Path) -> list[str]:
    """The paths of everything named like a log, without reading it; never raises OSError."""
    return [name for _, name in _log_entries(folder, Listing())]


def stat_file(folder: Path, name: str) -> FileStat | None:
    """Size and time of the file at a path below the folder; None when it cannot be read."""
    try:
        status = (folder / name).stat()
    except OSError:
        return None
    return FileStat(status.st_size, status.st_mtime_ns)


def rotated_from(name: str) -> str | None:
    """The path of the log that rotation would copy or rename to this name; None for others."""
    plain = _ROTATED.sub("", name)
    return plain if plain != name and _is_log_name(plain) else None


def _log_entries(folder: Path, listing: Listing) -> Iterator[_Entry]:
    """Everything named like a log, with its path below the folder."""
    for entry, name in _entries(folder, listing):
        if not _is_log_name(entry.name):
            if _is_file(entry):
                listing.unread.append(shown(name))
            continue
        try:
            name.encode()
        except UnicodeEncodeError:
            problem = f"{shown(name)} is not read: its name is not UTF-8; rename it."
            listing.problems.append(problem)
            continue
        yield entry, name


def _entries(folder: Path, listing: Listing) -> Iterator[_Entry]:
    """All entries but hidden ones, from each folder once.

    Linked folders come last, so that a file within the folder gets its own path.
    """
    folders, linked, visited = [(str(folder), "")], list[tuple[str, str]](), _Visited()
    while folders or linked:
        if not folders:
            visited.by_link = True
        path, below = folders.pop() if folders else linked.pop()
        try:
            if not visited.add(path):
                continue
            with os.scandir(path) as scanned:
                entries = [
                    (entry, f"{below}/{entry.name}" if below else entry.name)
                    for entry in scanned
                    if not entry.name.startswith(".")
                ]
        except FileNotFoundError:
            continue
        except OSError as error:
            listing.add_unseen(below or ".", error)
            continue
        yield from entries
        for entry, name in entries:
            if _is_folder(entry, name, listing):
                (linked if entry.is_symlink() else folders).append((entry.path, name))
        linked.sort(reverse=True)


class _Visited:
    """The folders that were listed; without links none can occur twice.

    So folders are identified only from the first followed link on (`by_link`): years of logs may be
    in thousands of folders.
    """

    def __init__(self) -> None:
        self.by_link = False
        self._paths: list[str] = []
        self._identities: set[tuple[int, int]] = set()

    def add(self, path: str) -> bool:
        """Whether the folder is a new one. Raises OSError when it cannot be read."""
        if not self.by_link:
            self._paths.append(path)
            return True
        for earlier in self._paths:
            with suppress(OSError):
                self._identities.add(_identity(earlier))
        self._paths.clear()
        identity = _identity(path)
        if identity in self._identities:
            return False
        self._identities.add(identity)
        return True


def _identity(folder: str) -> tuple[int, int]:
    status = Path(folder).stat()
    return status.st_dev, status.st_ino


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # if it is a folder, listing it reports the error
        return False


def _is_folder(entry: os.DirEntry[str], name: str, listing: Listing) -> bool:
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno != errno.ELOOP:  # a link to itself is not a folder, and hides none
            listing.add_unseen(name, error)
        return False


def _status(entry: os.DirEntry[str], name: str, listing: Listing) -> os.stat_result | None:
    """The status of a file; None, with the problem noted, if it cannot be read."""
    try:
        status = entry.stat()
    except FileNotFoundError:
        if entry.is_symlink():
            listing.problems.append(f"{name} is a link to a file that does not exist.")
        return None
    except OSError as error:
        listing.add_unseen(name, error)
        return None
    if stat.S_ISREG(status.st_mode):
        return status
    what = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
    listing.problems.append(f"{name} is named like a log, but is {what}.")
    return None


def shown(name: str) -> str:
    """The name as it can be printed, whatever bytes and characters it has."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in name
    )
