"""The fields of the payloads that Webex posts, and of the receiver's envelope around them.

Belongs here: the fields that are known to occur, so that usual lines are read in one pass. Does
not: what they mean, and lines with any other field (events.py).

Source: docs/webex-api-notes.md.
"""

import msgspec

_Scalar = str | int | float | bool | None


class UsualData(msgspec.Struct, forbid_unknown_fields=True, rename="camel", gc=False):
    """`data` of the events on meetings, recordings, participants and transcripts."""

    id: _Scalar = None
    meeting_id: _Scalar = None
    scheduled_meeting_id: _Scalar = None
    meeting_series_id: _Scalar = None
    meeting_number: _Scalar = None
    meeting_type: _Scalar = None
    scheduled_type: _Scalar = None
    title: _Scalar = None
    topic: _Scalar = None
    timezone: _Scalar = None
    start: _Scalar = None
    end: _Scalar = None
    state: _Scalar = None
    status: _Scalar = None
    create_time: _Scalar = None
    time_recorded: _Scalar = None
    start_time: _Scalar = None
    joined_time: _Scalar = None
    left_time: _Scalar = None
    host_user_id: _Scalar = None
    host_person_id: _Scalar = None
    host_email: _Scalar = None
    host_display_name: _Scalar = None
    email: _Scalar = None
    display_name: _Scalar = None
    site_url: _Scalar = None
    org_id: _Scalar = None


class UsualLine(msgspec.Struct, forbid_unknown_fields=True, rename="camel", gc=False):
    """A payload or an envelope without any other field.

    Decoding proves that it has no secret: secrets are recognised by the names of their fields, none
    of which is here. `headers` is not decoded, and nothing of it is stored.
    """

    received_at: _Scalar = msgspec.field(name="received_at", default=None)
    headers: msgspec.Raw = msgspec.Raw()
    body: msgspec.Raw = msgspec.Raw()
    id: _Scalar = None
    name: _Scalar = None
    target_url: _Scalar = None
    resource: str | None = None
    event: str | None = None
    filter: _Scalar = None
    org_id: _Scalar = None
    created_by: _Scalar = None
    app_id: _Scalar = None
    owned_by: _Scalar = None
    status: _Scalar = None
    created: _Scalar = None
    actor_id: _Scalar = None
    data: UsualData | None = None
