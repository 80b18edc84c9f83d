"""The endpoint on invitees.

Belongs here: what GET /meetingInvitees selects, and which fields an invitee has. Does not: who was
invited (sandbox/world/invitations.py).
"""

from meeting_etl.sandbox.api.context import RequestContext
from meeting_etl.sandbox.api.meetings import refuse_personal_room
from meeting_etl.sandbox.api.results import Listing, Result
from meeting_etl.sandbox.json_values import Json
from meeting_etl.sandbox.layers import Refusal
from meeting_etl.sandbox.world.model import Invitee, Meeting


def list_invitees(context: RequestContext) -> Result:
    """GET /meetingInvitees: of a host's instance, or of the latest one of a series, by address."""
    meeting_id = context.query.get("meetingId")
    if not meeting_id:
        raise Refusal(400, "meetingId is required.")
    wants_panelists = context.flag("panelist")
    meeting = _meeting(context, meeting_id)
    if meeting.host.email != context.host_email():
        if context.kind == "user":
            raise Refusal(403, "Only the host may list the invitees.")
        raise Refusal(404, "That host has no such meeting.")
    is_webinar = meeting.scheduled_type == "webinar"
    found = [
        invitee
        for invitee in meeting.invitees
        if not is_webinar or wants_panelists in (None, invitee.panelist)
    ]
    found.sort(key=lambda invitee: invitee.email.lower())
    return Listing(found, lambda invitee: _invitee(invitee, meeting_id))


def _meeting(context: RequestContext, meeting_id: str) -> Meeting:
    meeting = context.index.meetings.get(meeting_id)
    if meeting is None:
        refuse_personal_room(context, meeting_id)
        instances = context.index.instances.get(meeting_id, [])
        meeting = next(iter(instances[::-1]), None)
    if meeting is None or meeting.started_at > context.now:
        raise Refusal(404, "There is no such meeting.")
    return meeting


def _invitee(invitee: Invitee, meeting_id: str) -> Json:
    return {
        "id": invitee.id,
        "email": invitee.email,
        "displayName": invitee.name,
        "coHost": invitee.co_host,
        "panelist": invitee.panelist,
        "meetingId": meeting_id,
    }
