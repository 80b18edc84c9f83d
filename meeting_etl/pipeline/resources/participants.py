"""Participants of a meeting, with their devices.

Endpoint: GET /meetingParticipants, of one meeting. Windows: none.
Rows: `participants`; a complete listing that is not empty replaces all of the meeting's. Entries of
one participant are united.
Opened by: the meeting's end. Opens: nothing.
Final: with the first complete listing in which all join and leave times are known, those of devices
too; or with the last attempt.
"""

from collections.abc import Sequence

from meeting_etl import schemas
from meeting_etl.pipeline.fetch.spec import FetchSpec, Item, Target
from meeting_etl.pipeline.resources.meeting_rows import rows_of_meeting
from meeting_etl.pipeline.rows import Row, SchemaDrift, fold_participants
from meeting_etl.webex.endpoints import Webex
from meeting_etl.webex.listings import Listing


def _request(webex: Webex, target: Target) -> Listing:
    return webex.participants(target.meeting_id, host_email=target.meeting["host_email"])


def _rows(items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row) -> list[Row]:
    rows = rows_of_meeting(schemas.PARTICIPANTS, items, target, drift, ours)
    for row in rows:
        row["device_count"] = len(row["devices"] or [])
    return fold_participants(rows, drift)


def _are_times_known(rows: Sequence[Row]) -> bool:
    """Webex fills in join and leave times after the meeting (docs/webex-api-notes.md T26).

    Those of devices come later than those of their participant (T54).
    """
    intervals = (interval for row in rows for interval in (row, *(row["devices"] or ())))
    return all(interval["joined_at"] and interval["left_at"] for interval in intervals)


PARTICIPANTS = FetchSpec(
    schemas.PARTICIPANTS,
    _request,
    _rows,
    replaces="meeting_id",
    is_final=_are_times_known,
)
