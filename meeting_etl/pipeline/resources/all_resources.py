"""All resources of a meeting, in the order in which they are fetched.

Belongs here: the order, and which webhook event opens which of them. Does not: anything about one
resource (its own file), files of recordings and transcripts, which are fetched where they are
switched on (recording_files.py, transcript_files.py).
"""

from meeting_etl.pipeline.resources.details import MEETING_DETAILS
from meeting_etl.pipeline.resources.participants import PARTICIPANTS
from meeting_etl.pipeline.resources.recordings import RECORDINGS
from meeting_etl.pipeline.resources.snippets import SNIPPETS
from meeting_etl.pipeline.resources.summaries import SUMMARIES
from meeting_etl.pipeline.resources.transcripts import TRANSCRIPTS

# Flags before what they speak of, lists before their parts.
ALL = (MEETING_DETAILS, RECORDINGS, PARTICIPANTS, TRANSCRIPTS, SNIPPETS, SUMMARIES)
# Resource → the resource of webhooks whose events open its work item again.
OPENED_BY = {spec.resource: spec.opened_by_event for spec in ALL if spec.opened_by_event}
