"""What `run` and `status` both report.

Belongs here: counts of the ledger, and the hint that there are no webhook logs. Does not: the rest
of `status` (status_report.py) and of `run` (run_report.py).
"""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date
from typing import TYPE_CHECKING

from meeting_etl.cli import display
from meeting_etl.pipeline.ledger.work_item import LISTED, RESOURCES, Status
from meeting_etl.schemas import INGESTED_LOGS
from meeting_etl.webhook_logs.listing import list_logs

if TYPE_CHECKING:
    from meeting_etl.settings import Etl


def ledger_counts(etl: "Etl", days: Collection[date] | None = None) -> dict[str, Counter[str]]:
    """Work items by resource and status, of these days or of all."""
    found: dict[str, Counter[str]] = {resource: Counter() for resource in RESOURCES}
    for coverage in etl.ledger.coverage(days):
        found[coverage.resource] += coverage.statuses
    return {
        resource: counts
        for resource, counts in found.items()
        if counts or (resource in LISTED and etl.ledger.wants(resource))
    }


def show_ledger(counts: Mapping[str, Counter[str]], which: str) -> None:
    """A row for each resource: how many work items have which status."""
    rows = [
        [resource, statuses.total(), *(statuses[status] for status in Status)]
        for resource, statuses in counts.items()
    ]
    display.show_table(f"Work items of {which}", ["resource", "items", *Status], rows)


def without_logs(etl: "Etl") -> str | None:
    """What to do, when no webhook log was ever found."""
    was_read = etl.lake.read(INGESTED_LOGS, columns=["log_id"]).num_rows
    if was_read or list_logs(etl.logs_folder).found:
        return None
    if etl.log_segments and etl.log_segments.logs()[0]:
        return None
    instead = "set MEETING_ETL_DATA_DIR to another data folder"
    if etl.settings.bucket is not None:
        instead = "start `meeting-etl receive` on any machine"
    return (
        f"There are no webhook logs: put *.jsonl, *.ndjson, *.json or *.log files (also with .gz) "
        f"into {etl.logs_folder}, or {instead}."
    )


def where_logs_are(etl: "Etl") -> str:
    """The folder of the webhook logs and, with a bucket, the one that receivers ship to."""
    if etl.settings.bucket is None:
        return str(etl.logs_folder)
    return f"{etl.logs_folder} and {etl.storage.where('webhook_logs')}"
