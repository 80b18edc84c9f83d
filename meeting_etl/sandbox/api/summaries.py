"""The endpoints on summaries, and the content of summaries.

Belongs here: what GET /meetingSummaries and /admin/meetingSummaries select, and the invented
text. Does not: which meetings have one, which is a feature of theirs
(sandbox/world/model.py).
"""

import html
from datetime import timedelta

from meeting_etl.sandbox.api.context import RequestContext
from meeting_etl.sandbox.api.recordings_and_transcripts import refuse_unless_ended
from meeting_etl.sandbox.api.results import Listing, Result
from meeting_etl.sandbox.json_values import Json
from meeting_etl.sandbox.layers import Refusal
from meeting_etl.sandbox.world.model import Meeting, new_uuid, seeded_rng

# Written by a machine that listens to the recording first.
SUMMARY_LAG = timedelta(minutes=40)
_TOPICS = (
    "Budget & timeline",
    "Metering <pilot>",
    "Naïve forecasts – and why",
    "次の一歩",
    "Risks «so far»",
)
_ACTIONS = (
    "Send the offer to all who were there",
    "Ask R&D about the 3 < 4 question",
    "Book the room for the next workshop",
    "Résumé of the pilot, by Friday",
)


def list_summaries(context: RequestContext) -> Result:
    """GET and /admin: of one ended instance; a user sees those of meetings that he hosted."""
    meeting_id = context.query.get("meetingId")
    if not meeting_id:
        raise Refusal(400, "meetingId is required.")
    refuse_unless_ended(context, meeting_id)
    meeting = context.index.meetings[meeting_id]
    is_there = "summary" in meeting.features and meeting.ended_at + SUMMARY_LAG <= context.now
    is_shown = is_there and context.host_email() in (None, meeting.host.email)
    return Listing([meeting] if is_shown else [], _summary)


def _summary(meeting: Meeting) -> Json:
    rng = seeded_rng("summary", meeting.id)
    topics = rng.sample(_TOPICS, 3)
    return {
        "id": new_uuid(rng),
        "meetingId": meeting.id,
        "status": "available",
        "notes": {"content": _notes(meeting.title, topics)},
        "actionItems": [{"content": action} for action in rng.sample(_ACTIONS, rng.randint(0, 3))],
    }


def _notes(title: str, topics: list[str]) -> str:
    """HTML with all that a reader has to cope with."""
    first, second, third = (html.escape(topic) for topic in topics)
    return (
        f"<style>.x{{}}</style><h2>{html.escape(title)}</h2>\n"
        f"<p>Everybody agreed&nbsp;on <b>{first}</b>.<br/>Nobody on the rest.</p>"
        f"<ul><li>{second}<ul><li>now</li><li>or later</li></ul></li><li><p>{third}</p></li></ul>"
        "<!-- end --><script>document.write('not a word of this')</script>"
    )
