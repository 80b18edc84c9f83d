"""Files of meetings with an erased person, which would show or quote them.

Belongs here: which meetings these are, and removing their files. Does not: rows
(lake/erased_rows.py), files of what was deleted at Webex (honour.py).
"""

from datetime import date, datetime

from meeting_etl.lake.erased_rows import PERSONS, who_is_erased
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.text_columns import texts_of
from meeting_etl.pipeline.deletions.honour import remove_files, remove_files_without_row
from meeting_etl.pipeline.paths import files_folder
from meeting_etl.schemas import (
    MEETINGS,
    PARTICIPANTS,
    RECORDING_FILES,
    RECORDINGS,
    TRANSCRIPT_FILES,
    TRANSCRIPT_SNIPPETS,
    TRANSCRIPTS,
)

ERASED = "erased"
_FILES_OF = ((RECORDINGS, RECORDING_FILES), (TRANSCRIPTS, TRANSCRIPT_FILES))


def erased_meetings(lake: Lake, day: date) -> set[str]:
    """Meetings of a day that were erased, or in which an erased person was host or took part."""
    erasures, found = lake.privacy.erasures, set[str]()
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
    return found.union(id_ for id_ in ids if erasures.of_meeting(id_))


def remove_erased_files(lake: Lake, day: date, now: datetime) -> int:
    """Remove the files of these meetings; their rows stay, with the time in removed_at.

    Returns how many were removed. The day must be locked.
    """
    has_files = any(lake.files.names(files_folder(table.name, day)) for _, table in _FILES_OF)
    meetings, count = erased_meetings(lake, day) if has_files else set[str](), 0
    if not meetings:
        return 0
    for parents, table in _FILES_OF:
        rows = lake.read(table, day, where={"meeting_id": meetings}).to_pylist()
        count += remove_files(lake, table, day, rows, now, ERASED)
        key = parents.key[0]
        ids = lake.read(parents, day, columns=[key], where={"meeting_id": meetings})[key]
        remove_files_without_row(lake, files_folder(table.name, day), set(ids.to_pylist()))
    return count
