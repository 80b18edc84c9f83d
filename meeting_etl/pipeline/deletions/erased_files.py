"""Files of meetings with an erased person, which would show or quote them.

Belongs here: which meetings these are, and removing their files. Does not: rows
(lake/erased_rows.py), files of what was deleted at Webex (honour.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from meeting_etl.lake.erased_rows import PERSONS, who_is_erased
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.text_columns import texts_of
from meeting_etl.pipeline.deletions.honour import remove_files_without_row
from meeting_etl.pipeline.paths import files_folder
from meeting_etl.pipeline.rows import Row
from meeting_etl.privacy.erasures import Erasures
from meeting_etl.schemas import (
    MEETINGS,
    PARTICIPANTS,
    RECORDING_FILES,
    RECORDINGS,
    TRANSCRIPT_FILES,
    TRANSCRIPT_SNIPPETS,
    TRANSCRIPTS,
    Table,
)

ERASED = "erased"
# The last one is that of a recording's transcript, of which a kill left a part.
_TEXTS = (".vtt", ".txt", ".transcript.part")
_FILES_OF = ((RECORDINGS, RECORDING_FILES), (TRANSCRIPTS, TRANSCRIPT_FILES))


def erased_meetings(lake: Lake, day: date, erasures: Erasures | None = None) -> set[str]:
    """Meetings of a day that were erased, or in which an erased person was host or took part."""
    erasures, found = erasures or lake.privacy.erasures, set[str]()
    if not erasures.all:
        return found
    for table in (MEETINGS, PARTICIPANTS, TRANSCRIPT_SNIPPETS) if erasures.has_persons else ():
        persons = PERSONS[table.name]
        columns = {name for person in persons for name in person.columns} | {"meeting_id"}
        rows = lake.read(table, day, columns=sorted(columns))
        meetings = texts_of(rows, "meeting_id")
        for person in persons:
            who = who_is_erased(rows, person, erasures)
            found.update(id_ for id_, erasure in zip(meetings, who, strict=True) if erasure and id_)
    ids = lake.read(MEETINGS, day, columns=["meeting_id"])["meeting_id"].to_pylist()
    return found.union(id_ for id_ in ids if erasures.of_meeting(id_) or erasures.had_person(id_))


def files_of_erased(lake: Lake, day: date, erasures: Erasures) -> list[Row]:
    """The rows of the files that these erasures remove, but for those that mention somebody."""
    meetings = erased_meetings(lake, day, erasures)
    return [
        row
        for _, table in _FILES_OF
        for row in lake.read(table, day).to_pylist()
        if row["meeting_id"] in meetings and row["removed_at"] is None
    ]


def remove_erased_files(
    lake: Lake,
    day: date,
    now: datetime,
    *,
    is_new: Callable[[Row], bool] | None = None,
    plan: Callable[[int], None] = lambda _: None,
) -> None:
    """Remove the files of these meetings, and texts of others that mention an erased person.

    Rows stay, with the time in removed_at. Of the texts only those with rows that are new are read,
    or all. `plan` is called before anything is removed. The day must be locked.
    """
    if not lake.privacy.erasures.all:
        return
    has_files = any(lake.storage.names(files_folder(table.name, day)) for _, table in _FILES_OF)
    meetings = erased_meetings(lake, day) if has_files else set[str]()
    found = [_files(lake, table, day, meetings, is_new) for _, table in _FILES_OF if has_files]
    plan(sum(len(files.rows) + len(files.without_row) for files in found))
    for files in found:
        # Rows first: from a file that is gone, nobody could see again that it mentioned somebody.
        marked = [row | {"removed_at": now, "removed_because": ERASED} for row in files.rows]
        lake.merge(files.table, day, marked)
        for path in (*(row["path"] for row in files.rows), *files.without_row):
            lake.storage.remove(path)
    for parents, table in _FILES_OF if meetings else ():
        key = parents.key[0]
        ids = lake.read(parents, day, columns=[key], where={"meeting_id": meetings})[key]
        remove_files_without_row(lake, files_folder(table.name, day), set(ids.to_pylist()))


@dataclass(frozen=True)
class _Files:
    """Files to remove: rows of those that have one, and paths of the others."""

    table: Table
    rows: list[Row]
    without_row: list[str]


def _files(
    lake: Lake,
    table: Table,
    day: date,
    meetings: set[str],
    is_new: Callable[[Row], bool] | None,
) -> _Files:
    rows = [row for row in lake.read(table, day).to_pylist() if row["removed_at"] is None]
    remaining = {row["path"]: row for row in rows if row["meeting_id"] not in meetings}
    if is_new is None:
        folder = files_folder(table.name, day)
        own = {row["path"] for row in rows} - remaining.keys()
        paths = {f"{folder}/{name}" for name in lake.storage.names(folder)} - own
    else:
        paths = {path for path, row in remaining.items() if is_new(row)}
    naming = [path for path in sorted(paths) if _mentions(lake, path)]
    erased = [row for row in rows if row["meeting_id"] in meetings]
    erased += [remaining[path] for path in naming if path in remaining]
    return _Files(table, erased, [path for path in naming if path not in remaining])


def _mentions(lake: Lake, path: str) -> bool:
    """Whether a file of words mentions an erased person."""
    if not path.endswith(_TEXTS):
        return False
    text = (lake.storage.read_bytes(path) or b"").decode(errors="replace")
    return lake.privacy.erasures.mentions.blank(text) != text
