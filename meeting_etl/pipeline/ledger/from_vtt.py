"""Work items of earlier versions, which had words from a VTT file as a reason, not as a resource.

Belongs here: reading these as they are written now. Does not: present work items (work_item.py).
"""

from dataclasses import replace

from meeting_etl.pipeline.ledger.work_item import VTT_SNIPPETS, Reason, Status, WorkItem

# By the status code of the snippets; None where no request was made. Any other one is 404.
_REFUSALS = {
    None: (Status.FORBIDDEN, Reason.TOKEN_KIND),
    403: (Status.FORBIDDEN, Reason.REFUSED),
}


def without_from_vtt(item: WorkItem) -> list[WorkItem]:
    """The work item; one of words from a VTT file as that of the snippets and that of the words."""
    if item.reason != "from_vtt":
        return [item]
    not_found = (Status.WAITING, Reason.NOT_FOUND_YET)
    if item.settled:
        not_found = (Status.GONE, Reason.NOT_FOUND)
    status, reason = _REFUSALS.get(item.http_status, not_found)
    words = replace(item, resource=VTT_SNIPPETS, reason=Reason.COMPLETE, http_status=200)
    return [
        replace(item, status=status, reason=reason, row_count=0),
        replace(words, settled=True, next_attempt_at=None),
    ]
