"""The metadata of a day and table: what the page of the asset plots, and what the run's page shows.

Belongs here: names of figures, with their units. Does not: counting (pipeline/fetch/context.py),
how they reach Dagster (materialization.py), log lines (run_log.py).
"""

from typing import TYPE_CHECKING, Any

from meeting_etl.pipeline.ledger.work_item import FILES, Status
from meeting_etl.pipeline.rows import SchemaDrift
from meeting_etl.schemas import MEETINGS, Table

if TYPE_CHECKING:
    from meeting_etl.pipeline.fetch.context import DayReport
    from meeting_etl.pipeline.meetings.fold import FoldReport

Metadata = dict[str, Any]


def table_metadata(report: "DayReport", table: Table, folded: "FoldReport | None") -> Metadata:
    """What became of one table on this day, and what is stored and open afterwards."""
    fetched, drift = report.of(table), SchemaDrift()
    drift.add(fetched.drift)
    metadata: Metadata = {
        "dagster/partition_row_count": fetched.rows,
        "rows_added": fetched.changes.added,
        "rows_changed": fetched.changes.changed,
        "rows_removed": fetched.changes.removed,
        **{f"work_items_{status}": fetched.statuses[status] for status in Status},
        "single_requests": fetched.requested,
        "answered_by_windows": fetched.from_windows,
        "outcomes": dict(fetched.outcomes),
    }
    if folded is not None and table is MEETINGS:
        drift.add(folded.drift)
        metadata |= {"meetings_folded": folded.folded, "meetings_moved": len(folded.moved)}
    if report.removed and table.name in FILES:
        metadata["files_removed_as_deleted"] = report.removed
    return metadata | _drift(drift)


def day_metadata(report: "DayReport", folded: "FoldReport | None") -> Metadata:
    """What the day cost in this run, whatever the table; the seconds of days overlap."""
    traffic = report.traffic
    return {
        "requests": traffic.requests,
        "retries": traffic.retries,
        "responses_429": traffic.rate_limited,
        "received_bytes": traffic.received_bytes,
        "fold_seconds": round(folded.seconds if folded else 0.0, 2),
        "fetch_seconds": round(report.fetch_seconds, 2),
        "commit_seconds": round(report.commit_seconds, 2),
    }


def _drift(drift: SchemaDrift) -> Metadata:
    """What differed from the schema; nothing as a rule."""
    found = {
        "unknown_fields": dict(drift.unknown),
        "unreadable_values": dict(drift.changed),
        "repeated_items": drift.folded,
        "files_of_unexpected_size": drift.other_sizes,
    }
    return {name: value for name, value in found.items() if value}
