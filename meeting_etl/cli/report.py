"""What a run did and what is open, as tables on the screen.

Belongs here: the tables that `run`, `status` and `demo` show. Does not: how they are drawn
(display.py).
"""

from collections import Counter
from collections.abc import Callable, Collection
from datetime import date

from meeting_etl.cli import display
from meeting_etl.lake import catalog
from meeting_etl.pipeline.ingest.log_problems import log_problems
from meeting_etl.pipeline.ledger.work_item import LISTED, RESOURCES, Status
from meeting_etl.schemas import INGESTED_LOGS, TABLES
from meeting_etl.settings import Etl
from meeting_etl.webhook_logs.known_logs import KnownLogs
from meeting_etl.webhook_logs.listing import list_logs


def show_tables(etl: Etl) -> None:
    """Each table with its number of rows and of days."""
    rows = []
    for table in TABLES.values():
        days = f"count(DISTINCT {table.partition.name})" if table.partition else "NULL"
        sql = f"SELECT count(*), {days} FROM {table.name}"  # noqa: S608 - names of ours
        _, [(count, partitions)] = catalog.query(etl.settings.data_dir, sql)
        rows.append((table.name, count, partitions, table.comment))
    display.show_table("Tables", ["table", "rows", "days", "what it holds"], rows)


def show_ledger(etl: Etl, days: Collection[date] | None = None) -> None:
    """One line a resource: how many pairs of these days, or of all, have which status."""
    found: dict[str, Counter[str]] = {resource: Counter() for resource in RESOURCES}
    for one in etl.ledger.coverage(days):
        found[one.resource] += one.statuses
    rows = [
        [resource, counts.total(), *(counts[status] for status in Status)]
        for resource, counts in found.items()
        if counts or (resource in LISTED and etl.ledger.wants(resource))
    ]
    names = ["resource", "pairs", *Status]
    which = "all days" if days is None else f"{len(days)} day{'s' if len(days) > 1 else ''}"
    display.show_table(f"Ledger: what is known of each resource of {which}", names, rows)


def show_days(etl: Etl, days: Collection[date]) -> None:
    """One line a day and resource: statuses, until when it waits, and why."""
    rows: list[list[object]] = []
    last = None
    for one in etl.ledger.coverage(days):
        day = str(one.day) if one.day != last else ""
        last = one.day
        until = one.next_attempt_at and f"{one.next_attempt_at:%m-%d %H:%M}"
        why = ", ".join(f"{count} {reason}" for reason, count in one.reasons.most_common())
        counts = [one.statuses[status] or None for status in Status]
        rows.append([day, one.resource, one.statuses.total(), *counts, until, why])
    names = ["day", "resource", "expected", *Status, "asked next", "why"]
    display.show_table("Day by day (moments in UTC)", names, rows)


def show_open_work(etl: Etl) -> None:
    """Which days have work, and when the next of it is due."""
    now = etl.clock.now()
    rows = []
    for day, due in etl.ledger.open_days().items():
        if due.news:
            when = "now: new events"
        elif due.next_at is None or due.next_at <= now:
            when = "now"
        else:
            when = f"{due.next_at:%Y-%m-%d %H:%M} UTC"
        rows.append((str(day), when))
    if rows:
        display.show_table("Days with open work", ["day", "asked next"], rows)
    else:
        display.answer("No day has open work.")


def say_if_there_are_no_logs(etl: Etl, say: Callable[[str], None] = display.say) -> None:
    """What a newcomer most likely forgot."""
    folder = etl.settings.data_dir / "webhook_logs"
    was_read = etl.lake.read(INGESTED_LOGS, columns=["log_id"]).num_rows
    if not was_read and not list_logs(folder).found:
        say(
            f"There are no webhook logs: put files *.jsonl, *.ndjson, *.json or *.log, .gz too, "
            f"below {folder}, or name another data folder with MEETING_ETL_DATA_DIR."
        )


def say_if_the_catalog_is_old(etl: Etl) -> None:
    """What a run could not publish, or was not there to publish."""
    if not catalog.is_current(etl.files, etl.lake, etl.settings.analytics):
        display.say(
            f"{etl.settings.data_dir / catalog.CATALOG} is of an earlier state of the lake; the "
            "next `meeting-etl run` publishes it again, or says what hinders."
        )


def show_logs(etl: Etl) -> None:
    """How far the webhook logs were read, and what hinders."""
    logs = etl.lake.read(INGESTED_LOGS).to_pylist()
    lines = sum(log["lines"] for log in logs)
    events = sum(log["events"] for log in logs)
    rejected = sum(log["rejected"] for log in logs)
    display.answer(
        f"Webhook logs in {etl.settings.data_dir / 'webhook_logs'}: {len(logs):,} read, "
        f"{lines:,} lines, {events:,} events, {rejected:,} rejected lines."
    )
    say_if_there_are_no_logs(etl, display.answer)
    etl.logs.scan(KnownLogs(etl.lake.read(INGESTED_LOGS)))
    for sentence in log_problems(etl.logs, etl.lake):
        display.answer(f"  {sentence}")
    for name, size in etl.logs.unfinished.items():
        display.answer(f"  {name}: no line is finished yet; {size:,} bytes wait for a newline")
    for log in logs:
        waiting = log["size"] - log["bytes_consumed"]
        if waiting > 0 and not log["log_file"].endswith(".gz"):
            display.answer(f"  {log['log_file']}: {waiting:,} bytes wait for the end of their line")
        if log["problem"]:
            display.answer(f"  {log['problem']}")
