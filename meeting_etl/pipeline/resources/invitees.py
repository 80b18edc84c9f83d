"""Invitees of a meeting: who was invited, whether they came or not.

Endpoint: GET /meetingInvitees, of one meeting instance. Windows: none.
Rows: `invitees`; a complete listing that is not empty replaces all of the meeting's.
Opened by: the meeting's end, where [fetch] invitees is switched on; for meetings that had ended
before that by pipeline/ledger/newly_enabled.py. Opens: nothing.
Final: with the first complete listing that is not empty, or with the last attempt; in a personal
room, to which nobody is invited, without a request.
"""

from collections.abc import Sequence

from meeting_etl import schemas
from meeting_etl.pipeline.fetch.spec import FetchSpec, Item, Target
from meeting_etl.pipeline.ledger.work_item import Outcome
from meeting_etl.pipeline.meetings.merge import PERSONAL_ROOM
from meeting_etl.pipeline.resources.meeting_rows import rows_of_meeting
from meeting_etl.pipeline.rows import Row, SchemaDrift, fold_last
from meeting_etl.webex.endpoints import Webex
from meeting_etl.webex.listings import Listing


def _request(webex: Webex, target: Target) -> Listing:
    return webex.invitees(target.meeting_id, host_email=target.meeting["host_email"])


def _known_outcome(target: Target) -> Outcome | None:
    is_room = target.meeting["scheduled_type"] == PERSONAL_ROOM
    return Outcome.PERSONAL_ROOM if is_room else None


def _rows(items: Sequence[Item], target: Target, drift: SchemaDrift, ours: Row) -> list[Row]:
    rows = rows_of_meeting(schemas.INVITEES, items, target, drift, ours)
    return fold_last(rows, "invitee_id", drift)


INVITEES = FetchSpec(
    schemas.INVITEES, _request, _rows, before_request=_known_outcome, replaces="meeting_id"
)
