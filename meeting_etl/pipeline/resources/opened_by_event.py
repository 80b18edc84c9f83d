"""Which webhook event opens which resource.

Belongs here: what the specs say about it, for the ledger, which is used without loading what sends
requests. Does not: anything else about a resource (its own file).
"""

from meeting_etl.pipeline.resources.recordings import RECORDINGS
from meeting_etl.pipeline.resources.transcripts import TRANSCRIPTS

# Resource → the resource of webhooks whose events open its work item again.
OPENED_BY = {
    spec.resource: spec.opened_by_event
    for spec in (RECORDINGS, TRANSCRIPTS)
    if spec.opened_by_event
}
