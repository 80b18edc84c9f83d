"""Work items that were requested, by the URLs that the sandbox saw, and committed ones."""

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
    """What has a response on disk, and need not be requested again.

    Resource and id (of the transcript, for snippets) of a work item; resource and day where all
    that a window could answer is done, or recorded as in need of its own request.
    """
    ledger = product.etl().ledger
    found: set[WorkItem] = set()
    for day in ledger.days():
        items = ledger.items(day)
        found |= {
            (item.resource, item.resource_id or item.meeting_id) for item in items if item.attempts
        }
        for resource in ("recordings", "transcripts"):
            listed = [item for item in items if item.resource == resource]
            if all(item.attempts or item.reason == "not_in_window" for item in listed):
                found.add((resource, str(day)))
    return found


def meetings_a_day(product: Product) -> dict[str, set[str]]:
    """Meetings in the ledger, by day."""
    ledger = product.etl().ledger
    return {str(day): {item.meeting_id for item in ledger.items(day)} for day in ledger.days()}


def grown(product: Product, before: dict[str, set[str]]) -> set[WorkItem]:
    """Windows of days that have more meetings than before: these may be requested again."""
    days = {day for day, ids in meetings_a_day(product).items() if ids - before.get(day, set())}
    return {(resource, day) for resource in ("recordings", "transcripts") for day in days}


def requested(url: str) -> WorkItem:
    """The work item that a request was about, or the resource and day of a window."""
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
