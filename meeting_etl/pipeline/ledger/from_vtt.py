"""Work items of earlier versions: words from a VTT file as a reason, not as a resource.

Belongs here: reading these as they are written now. Does not: anything about present work items
(work_item.py).
"""

from dataclasses import replace

from meeting_etl.pipeline.ledger.work_item import VTT_SNIPPETS, Reason, Status, WorkItem

_FROM_VTT = "from_vtt"
# By the status code of snippets; None where no request was made.
_REFUSALS = {
    None: (Status.FORBIDDEN, Reason.TOKEN_KIND),
    403: (Status.FORBIDDEN, Reason.REFUSED),
}


def without_from_vtt(item: WorkItem) -> list[WorkItem]:
    """The work item; one of words from a VTT file as that of the snippets and that of the words."""
    if item.reason != _FROM_VTT:
        return [item]
    not_found = (
        (Status.GONE, Reason.NOT_FOUND) if item.settled else (Status.WAITING, Reason.NOT_FOUND_YET)
    )
    status, reason = _REFUSALS.get(item.http_status, not_found)
    snippets = replace(item, status=status, reason=reason, row_count=0)
    words = replace(
        item,
        resource=VTT_SNIPPETS,
        settled=True,
        reason=Reason.COMPLETE,
        next_attempt_at=None,
        http_status=200,
    )
    return [snippets, words]
