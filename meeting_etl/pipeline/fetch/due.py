"""The due work items of a day, each with what is stored about it.

Belongs here: which work items are due, and what a request needs to know beside them: meeting,
transcript, flags, stored rows. Does not: when they are due (pipeline/ledger/schedule.py), requests
(fetch.py).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from meeting_etl.pipeline.deletions.tombstones import is_deleted
from meeting_etl.pipeline.fetch.context import FetchContext
from meeting_etl.pipeline.fetch.spec import FetchSpec, Target
from meeting_etl.pipeline.ledger.work_item import DETAILS, FILES, Status, WorkItem
from meeting_etl.pipeline.paths import files_folder
from meeting_etl.pipeline.rows import Row
from meeting_etl.schemas import FETCH_LEDGER, MEETINGS


def due_targets(context: FetchContext, spec: FetchSpec, day: date) -> list[Target]:
    """The targets of a day, which must be locked."""
    context.lake.sweep([spec.table, FETCH_LEDGER], [day])
    if spec.resource in FILES:
        context.lake.files.sweep(files_folder(spec.resource, day))
    now = context.clock.now()
    items = context.ledger.items(day)
    due = [
        item
        for item in items
        if item.resource == spec.resource
        and item.next_attempt_at is not None
        and item.next_attempt_at <= now
    ]
    if not due:
        return []
    targets = _with_stored_rows(context, spec, day, due)
    if spec.flag is not None:
        details = {item.meeting_id: item for item in items if item.resource == DETAILS}
        targets = [_with_flag(target, spec.flag, details) for target in targets]
        targets = _without_outdated_flags(context, spec, day, targets)
    return targets


def _with_stored_rows(
    context: FetchContext, spec: FetchSpec, day: date, items: Sequence[WorkItem]
) -> list[Target]:
    """Targets with their meetings, and what else the lake has of them."""
    meetings = {row["meeting_id"]: row for row in context.lake.read(MEETINGS, day).to_pylist()}
    parents = _parents(context, spec, day)
    sources = _sources(context, spec, day, items) if spec.fallback is not None else {}
    files = _files(context, spec, day) if spec.resource in FILES else {}
    last_attempt = timedelta(seconds=context.ledger.schedule.after_end_seconds[-1])
    return [
        Target(
            item,
            meeting,
            parents.get(item.resource_id),
            final_at=meeting["ended_at"] + last_attempt,
            stored_source=sources.get(item.resource_id),
            stored_files=files.get(item.resource_id, ()),
        )
        for item in items
        if (meeting := meetings.get(item.meeting_id)) is not None
    ]


def _parents(context: FetchContext, spec: FetchSpec, day: date) -> dict[str, Row]:
    """Rows of the recordings or transcripts of a day, by id, for resources that are parts."""
    if spec.parent is None:
        return {}
    (key,) = spec.parent.key
    return {row[key]: row for row in context.lake.read(spec.parent, day).to_pylist()}


def _sources(
    context: FetchContext, spec: FetchSpec, day: date, items: Sequence[WorkItem]
) -> dict[str, str]:
    """Whether stored rows are those of the resource or of its fallback, by id."""
    with_rows = {item.resource_id for item in items if item.row_count}
    if spec.replaces is None or not with_rows:
        return {}
    names = [spec.replaces, "source"]
    rows = context.lake.read(spec.table, day, columns=names, where={spec.replaces: with_rows})
    unique = rows.group_by(names).aggregate([]).to_pylist()
    return {row[spec.replaces]: row["source"] for row in unique}


def _files(context: FetchContext, spec: FetchSpec, day: date) -> dict[str, list[Row]]:
    """Rows of the files of a day, by id of their recording or transcript."""
    files: dict[str, list[Row]] = defaultdict(list)
    for row in context.lake.read(spec.table, day).to_pylist():
        files[row[spec.table.key[0]]].append(row)
    return files


def _with_flag(target: Target, flag: str, details: dict[str, WorkItem]) -> Target:
    """The target with the value of Webex's flag, unless that may change or an event contradicts.

    An event about a recording or transcript is newer than a flag that says there is none.
    """
    item = details.get(target.meeting_id)
    if item is None or item.last_attempt_at is None:
        return target
    is_final = item.status == Status.READY and item.last_attempt_at >= target.final_at
    value = target.meeting[flag]
    if not is_final or (value is False and target.work_item.events_seen):
        return target
    return replace(target, flagged=value)


def _without_outdated_flags(
    context: FetchContext, spec: FetchSpec, day: date, targets: list[Target]
) -> list[Target]:
    """The targets without flags that are true only for what is proven to be deleted.

    Webex never takes such a flag back (docs/webex-api-notes.md T15).
    """
    flagged = {target.meeting_id for target in targets if target.flagged}
    if not flagged:
        return targets
    names = ["meeting_id", "status"]
    rows = context.lake.read(spec.table, day, columns=names, where={"meeting_id": flagged})
    deleted = {row["meeting_id"] for row in rows.to_pylist() if is_deleted(row)}
    return [
        replace(target, flagged=None) if target.flagged and target.meeting_id in deleted else target
        for target in targets
    ]
