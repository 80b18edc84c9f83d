"""What was asked for, by the requests that the sandbox saw, and what is on disk already."""

from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from meeting_etl_tests.product import Product

DAY = timedelta(days=1)
_RESOURCES = {
    "recordings": "recordings",
    "meetingParticipants": "participants",
    "meetingTranscripts": "transcripts",
}
WorkItem = tuple[str, str]


def committed(product: Product) -> set[WorkItem]:
    """What has an answer on disk, and need not be asked again.

    Resource and id (of the transcript, for snippets) of a pair; resource and day where all that a
    window could answer for is done, or written down as to be asked singly.
    """
    ledger = product.etl().ledger
    found: set[WorkItem] = set()
    for day in ledger.days():
        pairs = ledger.items(day)
        found |= {
            (one.resource, one.resource_id or one.meeting_id) for one in pairs if one.attempts
        }
        for resource in ("recordings", "transcripts"):
            some = [pair for pair in pairs if pair.resource == resource]
            if all(pair.attempts or pair.reason == "not_in_window" for pair in some):
                found.add((resource, str(day)))
    return found


def meetings_a_day(product: Product) -> dict[str, set[str]]:
    """Meetings in the ledger, by day."""
    ledger = product.etl().ledger
    return {str(day): {pair.meeting_id for pair in ledger.items(day)} for day in ledger.days()}


def grown(product: Product, before: dict[str, set[str]]) -> set[WorkItem]:
    """Windows of days that have more meetings than before: for these they may be asked again."""
    days = {day for day, ids in meetings_a_day(product).items() if ids - before.get(day, set())}
    return {(resource, day) for resource in ("recordings", "transcripts") for day in days}


def asked(url: str) -> WorkItem:
    """The pair that a request was about, or the resource and day of a window."""
    parts = urlsplit(url)
    path, query = parts.path.split("/"), parse_qs(parts.query)
    if path[-1] in ("snippets", "download"):
        return "transcript_snippets", path[-2]
    if path[-2] == "meetings":
        return "meeting", path[-1]
    resource = _RESOURCES[path[-1]]
    if "meetingId" in query:
        return resource, query["meetingId"][0]
    return resource, str((datetime.fromisoformat(query["from"][0]) + DAY).date())
