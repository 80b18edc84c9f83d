"""The check `ledger_complete`: whether everything of a day was fetched that is due.

Belongs here: the verdict on the work items of a table. Does not: when a work item is due
(pipeline/ledger/schedule.py), for which tables and when it runs (day_checks.py).
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from meeting_etl.orchestration.checks.verdict import Verdict
from meeting_etl.pipeline.ledger.work_item import DETAILS, VTT_SNIPPETS, Status
from meeting_etl.pipeline.rows import Row
from meeting_etl.schemas import FETCH_LEDGER, MEETINGS, TRANSCRIPT_SNIPPETS, Table
from meeting_etl.settings import Etl
from meeting_etl.texts import some_of

COMPLETE = (
    "Everything of the day that is due was fetched. A warning names work items whose requests "
    "failed, which are repeated by themselves for 7 days, and those that are an hour overdue, for "
    "which no run started. Red: all requests of the latest run failed, so that the table says "
    "nothing about the day."
)
# Runs start every quarter of an hour, and may take as long.
_OVERDUE = timedelta(hours=1)
_COLUMNS = (
    "meeting_id resource resource_id status settled next_attempt_at last_attempt_at run_id".split()
)


def ledger_complete(etl: Etl, table: Table, day: date) -> Verdict:
    """The work items that fill a table; sends no request."""
    where = {"resource": _resources(table)}
    items = etl.lake.read(FETCH_LEDGER, day, columns=_COLUMNS, where=where).to_pylist()
    late = etl.clock.now() - _OVERDUE
    overdue = {
        item["meeting_id"]
        for item in items
        if _is_overdue(item, late) and etl.ledger.wants(item["resource"])
    }
    failed = [item for item in items if item["status"] == Status.FAILED]
    statuses = Counter(item["status"] for item in items)
    counts = {
        "work_items": len(items),
        **{str(status): statuses[status] for status in Status},
        "overdue": len(overdue),
    }
    if not failed and not overdue:
        return Verdict(
            f"What is due of {len(items):,} work items was fetched; {statuses[Status.WAITING]:,} "
            "are waiting.",
            counts,
        )
    latest = _latest_run(items)
    all_failed = all(item["status"] == Status.FAILED for item in latest)
    # One meeting that always fails is no outage, unless there is nothing else.
    is_outage = all_failed and (len(latest) > 1 or len(latest) == len(items))
    sentences = []
    if is_outage:
        sentences.append(
            f"All {len(latest):,} requests of the latest run failed: run `meeting-etl doctor`."
        )
    if repeated := [item for item in failed if not item["settled"]]:
        sentences.append(f"{len(repeated):,} failed and are repeated: {_ids(repeated)}.")
    if given_up := [item for item in failed if item["settled"]]:
        sentences.append(
            f"{len(given_up):,} failed for 7 days and were given up; `meeting-etl retry --status "
            f"failed` reopens them: {_ids(given_up)}."
        )
    if overdue:
        sentences.append(
            f"{len(overdue):,} meetings are overdue: is the sensor due_work running? Run "
            f"`meeting-etl run`. {some_of(sorted(overdue))}."
        )
    return Verdict(" ".join(sentences), counts, passed=False, is_error=is_outage)


def _resources(table: Table) -> tuple[str, ...]:
    if table is MEETINGS:
        return (DETAILS,)
    return (table.name, VTT_SNIPPETS) if table is TRANSCRIPT_SNIPPETS else (table.name,)


def _is_overdue(item: Row, late: datetime) -> bool:
    return item["next_attempt_at"] is not None and item["next_attempt_at"] < late


def _latest_run(items: Sequence[Row]) -> list[Row]:
    """The work items that the latest run fetched, or tried to."""
    attempted = [item for item in items if item["last_attempt_at"] and item["run_id"]]
    if not attempted:
        return []
    latest = max(attempted, key=lambda item: (item["last_attempt_at"], item["run_id"]))
    return [item for item in attempted if item["run_id"] == latest["run_id"]]


def _ids(items: Sequence[Row]) -> str:
    return some_of(sorted({item["resource_id"] or item["meeting_id"] for item in items}))
