"""Checks of webhook events, of open work and of old files: over the last days, or all of them.

Belongs here: the verdicts on rejected lines, silence, overdue days and old files. Does not: checks
that need Webex (webhook_checks.py), checks of single days (day_checks.py).
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import dagster as dg

from meeting_etl.errors import MeetingEtlError
from meeting_etl.orchestration.checks.rows_check import SOUND, rows_sound
from meeting_etl.orchestration.checks.verdict import Verdict
from meeting_etl.schemas import (
    AUTO_RECORD_ACTIONS,
    MEETINGS,
    REJECTED_LINES,
    SPEAKER_METRICS,
    TRANSCRIPT_SNIPPETS,
    WEBHOOK_EVENTS,
    Table,
)
from meeting_etl.settings import Etl
from meeting_etl.texts import some_of
from meeting_etl.times import format_timestamp, utc_day

if TYPE_CHECKING:
    from meeting_etl.lake.lake import Lake

_WEEK = timedelta(days=7)
# As many weeks as a weekday must have had lines for its silence to mean something.
_WEEKS = 4
# Runs start every quarter of an hour, and an earlier one may take its time.
_OVERDUE = timedelta(hours=2)


def few_rejected(etl: Etl) -> Verdict:
    """Counts the rows of the last 7 received dates; reads none."""
    most = etl.settings.most_rejected_share
    days = _last_days(etl)
    events, rejected = (
        _count(etl.lake, WEBHOOK_EVENTS, days),
        _count(etl.lake, REJECTED_LINES, days),
    )
    share = rejected / (events + rejected) if rejected else 0.0
    counts = {"lines": events + rejected, "rejected_lines": rejected, "rejected_share": share}
    found = f"{rejected:,} of {events + rejected:,} lines of the last 7 days were rejected"
    if share <= most:
        return Verdict(f"{found}.", counts)
    return Verdict(
        f"{found}, more than {most:.1%}: `meeting-etl rejected` shows which, and why.",
        counts,
        passed=False,
    )


def lines_arrive(etl: Etl) -> Verdict:
    """Compares yesterday with the same weekday of the four weeks before."""
    newest = _newest_line(etl.lake)
    if newest is None:
        return Verdict("Not known yet: no line has a time of receipt.")
    now = etl.clock.now()
    yesterday = utc_day(now) - timedelta(days=1)
    lines = _lines(etl.lake, yesterday)
    before = [_lines(etl.lake, yesterday - week * _WEEK) for week in range(1, _WEEKS + 1)]
    hours = round((now - newest).total_seconds() / 3_600, 1)
    counts = {"lines_yesterday": lines, "hours_since_the_newest_line": hours}
    found = f"The newest line was received {format_timestamp(newest)}; {yesterday} had {lines:,}."
    if lines or newest.date() > yesterday or not all(before):
        return Verdict(found, counts)
    return Verdict(
        f"{found} The four {yesterday:%A}s before all had some. Was it a holiday? Else check that "
        "the receiver is running and its logs are in the folder, and run `meeting-etl webhooks "
        "list`.",
        counts,
        passed=False,
    )


def work_in_time(etl: Etl) -> Verdict:
    """Looks at the open days; reads no table."""
    late = etl.clock.now() - _OVERDUE
    open_days = etl.ledger.open_days()
    overdue = {str(day): due.due_at for day, due in open_days.items() if _is_late(due.due_at, late)}
    counts = {"open_days": len(open_days), "overdue_days": len(overdue)}
    if not overdue:
        return Verdict(f"None of {len(open_days):,} open days is overdue.", counts)
    oldest = min(filter(None, overdue.values()))
    return Verdict(
        f"{len(overdue):,} days have work that has been due since {format_timestamp(oldest)}: "
        f"{some_of(sorted(overdue))}. The ticks of the sensor due_work say why no run starts; "
        "`meeting-etl run` does the work without it.",
        counts,
        passed=False,
    )


def metrics_current(etl: Etl) -> Verdict:
    """Checks every day that has snippets."""
    from meeting_etl.lake.metrics import has_current_metrics

    days = etl.lake.days(TRANSCRIPT_SNIPPETS)
    outdated = [str(day) for day in days if not has_current_metrics(etl.lake, day)]
    counts = {"days": outdated, "outdated_days": len(outdated)}
    if not outdated:
        return Verdict("The metrics of all days are current.", counts)
    return Verdict(
        f"The metrics of {len(outdated):,} days follow an older definition or are older than their "
        "snippets: materialize speaker_metrics for these days, or run `meeting-etl migrate`.",
        counts,
        passed=False,
    )


def files_current(etl: Etl) -> Verdict:
    """Opens files only of tables whose columns have changed."""
    from meeting_etl.lake.migration import outdated_files

    outdated = outdated_files(etl.lake)
    counts = {"outdated_files": len(outdated)}
    if not outdated:
        return Verdict("All files have today's columns.", counts)
    return Verdict(
        f"{len(outdated):,} files have the columns of an earlier version: run `meeting-etl "
        "migrate`.",
        counts,
        passed=False,
    )


def policy_applied(etl: Etl) -> Verdict:
    """Opens files only after the policy has changed."""
    from meeting_etl.lake.migration import files_of_other_policy

    files = files_of_other_policy(etl.lake)
    days = sorted({str(file.partition) for file in files if file.partition is not None})
    counts = {"days": days, "files": len(files)}
    if not files:
        return Verdict("All files follow the column policy in force.", counts)
    dated = f" of {len(days):,} days, {days[0]} to {days[-1]}," if days else ""
    return Verdict(
        f"{len(files):,} files{dated} were written under another column policy: run `meeting-etl "
        "migrate`. What was hashed or dropped does not come back by that; see docs/privacy.md.",
        counts,
        passed=False,
    )


def recent_rows_sound(table: Table, etl: Etl) -> Verdict:
    """The verdicts on the last 7 received dates as one."""
    verdicts = [rows_sound(etl, table, day) for day in _last_days(etl)]
    counts = {
        name: sum(verdict.counts[name] for verdict in verdicts) for name in verdicts[0].counts
    }
    problems = [verdict.sentence for verdict in verdicts if not verdict.passed]
    if problems:
        return Verdict(" ".join(problems), counts, passed=False, is_error=True)
    return Verdict(f"All {counts['rows']:,} rows of the last 7 days are sound.", counts)


def _check(
    table: Table, name: str, description: str, verdict: Callable[[Etl], Verdict]
) -> dg.AssetChecksDefinition:
    @dg.asset_check(name=name, asset=table.name, description=description)
    def check(etl: dg.ResourceParam[Etl]) -> dg.AssetCheckResult:
        try:
            return verdict(etl).result()
        except MeetingEtlError as error:
            return Verdict(str(error), passed=False, is_error=True).result()

    return check


NIGHTLY_CHECKS = [
    _check(
        WEBHOOK_EVENTS,
        "few_rejected",
        "Of the lines of the last 7 days, at most the share [checks] most_rejected_share was "
        "rejected. More means that something else writes into the logs, or that Webex has changed.",
        few_rejected,
    ),
    _check(
        WEBHOOK_EVENTS,
        "lines_arrive",
        "Yesterday had webhook events, if the same weekday of each of the four weeks before had "
        "some: an idle weekend is fine. Not known in the first four weeks.",
        lines_arrive,
    ),
    *(
        _check(table, "rows_sound", SOUND, partial(recent_rows_sound, table))
        for table in (WEBHOOK_EVENTS, AUTO_RECORD_ACTIONS)
    ),
    _check(
        MEETINGS,
        "work_in_time",
        "No day has had due work for more than two hours.",
        work_in_time,
    ),
    _check(
        SPEAKER_METRICS,
        "metrics_current",
        "The speaker metrics of all days follow the current definition and are not older than "
        "their snippets.",
        metrics_current,
    ),
    _check(
        MEETINGS,
        "files_current",
        "No file of any table has the columns of an earlier version.",
        files_current,
    ),
    _check(
        MEETINGS,
        "policy_applied",
        "All files of all tables were written under the column policy of [privacy].",
        policy_applied,
    ),
]


def _last_days(etl: Etl) -> list[date]:
    """Today and the six days before."""
    today = utc_day(etl.clock.now())
    return [today - timedelta(days=days) for days in range(_WEEK.days)]


def _count(lake: "Lake", table: Table, days: list[date]) -> int:
    return sum(lake.count(table, day) for day in days)


def _lines(lake: "Lake", day: date) -> int:
    return lake.count(WEBHOOK_EVENTS, day)


def _newest_line(lake: "Lake") -> datetime | None:
    """When the newest line was received."""
    import pyarrow.compute as pc

    for day in reversed(lake.days(WEBHOOK_EVENTS)):
        times = lake.read(WEBHOOK_EVENTS, day, columns=["received_at"])["received_at"]
        newest: datetime | None = pc.max(times).as_py()
        if newest is not None:
            return newest
    return None


def _is_late(due_at: datetime | None, late: datetime) -> bool:
    return due_at is not None and due_at < late
