"""What `status` reports, collected once and shown as tables or as JSON.

Belongs here: the facts and both forms. Does not: the options (status.py).
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from meeting_etl.cli import display, formats, ledger_report
from meeting_etl.lake.catalog_state import is_current
from meeting_etl.lake.migration import files_of_other_policy
from meeting_etl.pipeline.ingest.log_problems import log_problems
from meeting_etl.pipeline.ledger.coverage import Coverage
from meeting_etl.pipeline.ledger.due_days import DueDay
from meeting_etl.pipeline.ledger.work_item import Reason, Status
from meeting_etl.privacy.policy import ColumnPolicy
from meeting_etl.schemas import INGESTED_LOGS
from meeting_etl.times import Span
from meeting_etl.webhook_logs.known_logs import KnownLogs

if TYPE_CHECKING:
    from meeting_etl.settings import Etl


@dataclass(frozen=True)
class LogSummary:
    """How far the webhook logs were ingested, and sentences about what is wrong with them."""

    folder: str
    files: int
    lines: int
    events: int
    rejected_lines: int
    problems: list[str]


@dataclass(frozen=True)
class StatusReport:
    """Everything that `status` shows.

    `days` are the open days, or those that were requested; `kept_since` are the floors by retention
    group.
    """

    data_dir: str
    logs: LogSummary
    ledger: Mapping[str, Counter[str]]
    open_days: Mapping[date, DueDay]
    days: list[Coverage]
    catalog_problem: str | None
    kept_since: Mapping[str, date]
    policy: ColumnPolicy
    erasures: int
    files_of_other_policy: int


def collect(etl: "Etl", span: Span | None) -> StatusReport:
    """The status now; day by day those of the span, or the open ones."""
    open_days = etl.ledger.open_days()
    if span is None:
        days = list(open_days)
    else:
        days = [day for day in etl.ledger.days() if span.first <= day <= span.last]
    return StatusReport(
        data_dir=str(etl.settings.location),
        logs=_logs(etl),
        ledger=ledger_report.ledger_counts(etl),
        open_days=open_days,
        days=list(etl.ledger.coverage(days)) if days else [],
        catalog_problem=_catalog_problem(etl),
        kept_since=etl.lake.floors.all(),
        policy=etl.settings.policy,
        erasures=len(etl.privacy.erasures.all),
        files_of_other_policy=len(files_of_other_policy(etl.lake)),
    )


def _logs(etl: "Etl") -> LogSummary:
    table = etl.lake.read(INGESTED_LOGS)
    logs = table.to_pylist()
    etl.logs.scan(KnownLogs(table))
    hint = ledger_report.without_logs(etl)
    problems = [*([hint] if hint else []), *log_problems(etl.logs, etl.lake)]
    for name, size_bytes in etl.logs.unfinished.items():
        problems.append(f"{name}: {size_bytes:,} bytes, but no complete line yet.")
    for log in logs:
        rest_bytes = log["size"] - log["bytes_consumed"]
        if rest_bytes > 0 and not log["log_file"].endswith(".gz"):
            problems.append(f"{log['log_file']}: the last {rest_bytes:,} bytes lack a newline.")
        if log["problem"]:
            problems.append(log["problem"])
    return LogSummary(
        folder=str(etl.logs_folder),
        files=len(logs),
        lines=sum(log["lines"] for log in logs),
        events=sum(log["events"] for log in logs),
        rejected_lines=sum(log["rejected"] for log in logs),
        problems=problems,
    )


def _catalog_problem(etl: "Etl") -> str | None:
    """That a run could not publish the catalog, or that there was no run since it changed."""
    if is_current(etl.lake, etl.settings.analytics):
        return None
    return (
        f"The catalog in {etl.settings.location} is out of date; the next `meeting-etl run` "
        "publishes it, or reports why it cannot."
    )


def show(status: StatusReport, etl: "Etl") -> None:
    """The report as tables."""
    logs, where = status.logs, ledger_report.where_logs_are(etl)
    display.answer(
        f"Webhook logs in {where}: {logs.files:,} ingested, {logs.lines:,} lines, "
        f"{logs.events:,} events, {logs.rejected_lines:,} rejected lines."
    )
    for problem in logs.problems:
        display.answer(f"  {problem}")
    ledger_report.show_ledger(status.ledger, "all days")
    _show_open_days(status.open_days, etl)
    if status.days:
        _show_days(status.days)
        _show_waiting_for_accounts(status.days)
    _show_privacy(status)
    if status.kept_since:
        display.show_table("Pruned", ["what", "kept since"], [*status.kept_since.items()])
    if status.catalog_problem:
        display.say(status.catalog_problem)


def _show_privacy(status: StatusReport) -> None:
    erased = f"; {display.counted(status.erasures, 'erasure')}" if status.erasures else ""
    other = status.files_of_other_policy
    more = f"; {other:,} files follow another policy: run `meeting-etl migrate`" if other else ""
    if not status.policy.keeps_all or erased or more:
        display.answer(f"Privacy: {status.policy.description}{erased}{more}.")


def _show_open_days(open_days: Mapping[date, DueDay], etl: "Etl") -> None:
    now = etl.clock.now()
    rows = []
    for day, due in open_days.items():
        if due.news:
            when = "now: new events"
        elif due.next_at is None or due.next_at <= now:
            when = "now"
        else:
            when = f"{due.next_at:%Y-%m-%d %H:%M}"
        rows.append((str(day), when))
    if rows:
        display.show_table("Days with open work", ["day", "next attempt (UTC)"], rows)
    else:
        display.answer("No day has open work.")


def _show_days(days: Collection[Coverage]) -> None:
    rows: list[list[object]] = []
    previous = None
    for coverage in days:
        day = str(coverage.day) if coverage.day != previous else ""
        previous = coverage.day
        next_at = coverage.next_attempt_at and f"{coverage.next_attempt_at:%m-%d %H:%M}"
        reasons = ", ".join(f"{count} {reason}" for reason, count in coverage.reasons.most_common())
        counts = [coverage.statuses[status] or None for status in Status]
        rows.append([day, coverage.resource, coverage.statuses.total(), *counts, next_at, reasons])
    names = ["day", "resource", "items", *Status, "next attempt (UTC)", "reasons"]
    display.show_table("Day by day", names, rows)


def _show_waiting_for_accounts(days: Collection[Coverage]) -> None:
    if count := sum(coverage.reasons[Reason.ACCOUNT] for coverage in days):
        display.answer(
            f"Due once an account can be used again: {display.counted(count, 'work item')}. "
            "`meeting-etl doctor` names the account."
        )


def write_json(status: StatusReport) -> None:
    """The report as one JSON object on a line."""
    document: dict[str, Any] = {
        "data_dir": status.data_dir,
        "privacy": {
            "policy": status.policy.description,
            "erasures": status.erasures,
            "files_of_other_policy": status.files_of_other_policy,
        },
        "webhook_logs": vars(status.logs),
        "work_items": [
            {"resource": resource, "items": statuses.total(), **_statuses(statuses)}
            for resource, statuses in status.ledger.items()
        ],
        "open_days": [
            {"date": str(day), "next_attempt_at": due.next_at, "new_events": bool(due.news)}
            for day, due in status.open_days.items()
        ],
        "days": [
            {
                "date": str(coverage.day),
                "resource": coverage.resource,
                "items": coverage.statuses.total(),
                **_statuses(coverage.statuses),
                "next_attempt_at": coverage.next_attempt_at,
                "reasons": dict(coverage.reasons),
            }
            for coverage in status.days
        ],
        "kept_since": {group: str(day) for group, day in status.kept_since.items()},
        "catalog_is_current": status.catalog_problem is None,
    }
    formats.write_json(document)


def _statuses(statuses: Counter[str]) -> dict[str, int]:
    return {str(status): statuses[status] for status in Status}
