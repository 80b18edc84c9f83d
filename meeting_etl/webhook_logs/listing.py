"""Which log files there are below the folder.

Belongs here: names, links, and what cannot be listed. Does not: opening a file (log_file.py) or
telling which log it is (scan.py).

A log is a regular file, at any depth, whose name ends in `.jsonl`, `.ndjson`, `.json` or `.log`;
behind that may stand what log rotation puts there, a `.` or `-` with a number or date, and `.gz`.
Names that begin with a dot are passed over, folders' too: there programs put unfinished files, and
macOS its own. All other files are named as `unread`. Links to files and folders are followed; what
can be reached by several ways is one log.
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
# An entry, which is cheap to ask where there are years of logs, and its path below the folder.
_Entry = tuple[os.DirEntry[str], str]


class FileStat(NamedTuple):
    """A log file: its size in bytes, and its modification time in nanoseconds since 1970."""

    size: int
    mtime: int


@dataclass(slots=True)
class Listing:
    """The log files by their path below the folder, with slashes, in the order of paths.

    `others` are the paths that are named like logs and are not among them: other ways to a file, a
    packed copy beside a log, what cannot be looked at. `unread` are the files that are not named
    like logs, in any order. `unseen` are paths that
    could not be looked at: a log that was there may be there still. `problems` are sentences for
    the user.
    """

    found: dict[str, FileStat] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def may_hold(self, log_file: str) -> bool:
        """The file was not found, but that does not mean that it is gone."""
        return any(path == log_file or log_file.startswith(f"{path}/") for path in self.unseen)

    def missed(self, name: str, error: OSError) -> None:
        """Note that a file or folder could not be looked at."""
        if name not in self.unseen:
            self.unseen.append(name)
            self.problems.append(f"{shown(name)} cannot be read: {error.strerror or error}.")


def list_logs(folder: Path) -> Listing:
    """List what is there. A folder that does not exist is an empty one; never raises OSError.

    `X.gz` is left out while `X` is there: it is just being compressed, or both are kept.
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
    """The paths of all that is named like a log, without a look at it; never raises OSError."""
    return [name for _, name in _log_entries(folder, Listing())]


def stat_file(folder: Path, name: str) -> FileStat | None:
    """The file at a path below the folder; None when it is not there or may not be looked at."""
    try:
        status = (folder / name).stat()
    except OSError:
        return None
    return FileStat(status.st_size, status.st_mtime_ns)


def rotated_from(name: str) -> str | None:
    """The path of the log that a copy of this name was made from by rotation; None for others."""
    plain = _ROTATED.sub("", name)
    return plain if plain != name and _is_log_name(plain) else None


def _log_entries(folder: Path, listing: Listing) -> Iterator[_Entry]:
    """Whatever is named like a log, with its path below the folder."""
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
    """All but hidden names, from each folder once.

    Folders that are linked come last, so that what lies in the folder has its own path.
    """
    folders, linked, visited = [(str(folder), "")], list[tuple[str, str]](), _Visited()
    while folders or linked:
        if not folders:
            visited.by_link = True
        here, below = folders.pop() if folders else linked.pop()
        try:
            if not visited.add(here):
                continue
            with os.scandir(here) as found:
                entries = [
                    (entry, f"{below}/{entry.name}" if below else entry.name)
                    for entry in found
                    if not entry.name.startswith(".")
                ]
        except FileNotFoundError:
            continue
        except OSError as error:
            listing.missed(below or ".", error)
            continue
        yield from entries
        for entry, name in entries:
            if _is_folder(entry, name, listing):
                (linked if entry.is_symlink() else folders).append((entry.path, name))
        linked.sort(reverse=True)


class _Visited:
    """The folders that were listed; without a link none can be met twice.

    So which folders they are is asked of the system only when the first link is followed
    (`by_link`): years of logs may lie in thousands of folders.
    """

    def __init__(self) -> None:
        self.by_link = False
        self._paths: list[str] = []
        self._identities: set[tuple[int, int]] = set()

    def add(self, path: str) -> bool:
        """Whether the folder is a new one. Raises OSError when it cannot be looked at."""
        if not self.by_link:
            self._paths.append(path)
            return True
        for before in self._paths:
            with suppress(OSError):
                self._identities.add(_identity(before))
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
    except OSError:  # if it is a folder, whoever lists it says so
        return False


def _is_folder(entry: os.DirEntry[str], name: str, listing: Listing) -> bool:
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno != errno.ELOOP:  # a link to itself is no folder, and hides none
            listing.missed(name, error)
        return False


def _status(entry: os.DirEntry[str], name: str, listing: Listing) -> os.stat_result | None:
    """What the file is; None, with a problem noted, if it is not to be read."""
    try:
        status = entry.stat()
    except FileNotFoundError:
        if entry.is_symlink():
            listing.problems.append(f"{name} is a link to a file that is not there.")
        return None
    except OSError as error:
        listing.missed(name, error)
        return None
    if stat.S_ISREG(status.st_mode):
        return status
    what = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
    listing.problems.append(f"{name} is named like a log, but is {what}.")
    return None


def shown(name: str) -> str:
    """The name as it can be printed, whatever bytes and signs it is made of."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in name
    )
