"""Moving a meeting to another day: its corrected end belongs to another partition (rule 13).

Belongs here: which tables hold rows of a meeting, and in which order they move. Does not: noticing
that an end has changed (fold.py).
"""

from collections.abc import Sequence
from datetime import date

import pyarrow.compute as pc

from meeting_etl.lake.lake import Lake
from meeting_etl.lake.merging import without
from meeting_etl.lake.metrics import is_frozen
from meeting_etl.schemas import (
    FETCH_LEDGER,
    INVITEES,
    MEETING_SUMMARIES,
    MEETINGS,
    PARTICIPANTS,
    RECORDING_FILES,
    RECORDINGS,
    SPEAKER_METRICS,
    TRANSCRIPT_FILES,
    TRANSCRIPT_SNIPPETS,
    TRANSCRIPTS,
)

# Tables with rows of a meeting. They move in this order, `meetings` last.
_MOVING_TABLES = (
    RECORDINGS,
    PARTICIPANTS,
    INVITEES,
    TRANSCRIPTS,
    TRANSCRIPT_SNIPPETS,
    RECORDING_FILES,
    TRANSCRIPT_FILES,
    MEETING_SUMMARIES,
    FETCH_LEDGER,
    MEETINGS,
)


def move_meetings(lake: Lake, meeting_ids: Sequence[str], old: date, new: date) -> list[str]:
    """Write all rows of these meetings to the new day, then remove them from the old day.

    Returns the ids of the meetings that had rows on the old day. The locks of both days must be
    held. If a run is killed in between, the rows are on both days, and repeating the move gives the
    same result.
    """
    where = {"meeting_id": meeting_ids}
    moved: set[str] = set()
    # Metrics whose words are pruned cannot be computed on the new day.
    tables = (SPEAKER_METRICS,) * is_frozen(lake, old) + _MOVING_TABLES
    for table in tables:
        rows = lake.read(table, old, where=where)
        if rows.num_rows:
            # A row that is on the new day already is newer than its copy on the old day.
            newer = lake.read(table, new, where=where)
            lake.merge(table, new, without(table, rows, newer))
            moved.update(pc.unique(rows["meeting_id"]).to_pylist())
    for table in reversed(tables):
        lake.merge(table, old, [], replacing=where)
    return sorted(moved)
