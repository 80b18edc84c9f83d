"""Sections meetings and work: what the lake and the ledger say about recent days.

Belongs here: reading the latest days of the lake, also for ids that probes can use. Does not: any
request to Webex (token_checks.py).
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial

from meeting_etl.cli.doctor.finding import CheckResult, Finding, ok, run_check, skipped, warning
from meeting_etl.errors import MeetingEtlError
from meeting_etl.lake.many_days import read_days
from meeting_etl.lake.partitions import NULL_PARTITION
from meeting_etl.pipeline.ledger.work_item import Status
from meeting_etl.privacy.pseudonyms import is_replaced
from meeting_etl.schemas import (
    FETCH_LEDGER,
    MEETINGS,
    PARTICIPANTS,
    RECORDINGS,
    TRANSCRIPT_SNIPPETS,
    TRANSCRIPTS,
    Table,
)
from meeting_etl.settings import Etl
from meeting_etl.times import utc_day
from meeting_etl.webex.probes import ProbeTargets

_RECENT = timedelta(days=14)
_RECENTLY = f"of the last {_RECENT.days} days"
_MAX_DAYS = 16
_ENOUGH_MEETINGS = 10
# Statuses that show whether there is an artifact; a refusal or a failure does not.
_DEFINITE = frozenset({Status.READY, Status.WAITING, Status.ABSENT, Status.GONE})
_PREREQUISITES = {
    RECORDINGS: "Enable recording for the site and its hosts (`auto-record` helps), and make sure "
    "that meetings are recorded in the cloud.",
    TRANSCRIPTS: "Enable Webex Assistant or closed captions for the site and its meetings: without "
    "them Webex creates no transcripts.",
}


def meeting_checks(etl: Etl) -> list[CheckResult]:
    """Whether recent meetings have recordings and transcripts at all."""
    return [
        run_check("meetings", table.name, partial(_prerequisite, etl, table))
        for table in _PREREQUISITES
    ]


def work_checks(etl: Etl) -> list[CheckResult]:
    """What is due or failed in the ledger."""
    return [run_check("work", "open work", lambda: _open_work(etl))]


def newest_days(etl: Etl, table: Table) -> Iterator[date]:
    """The latest days for which a table has partitions, newest first; about two weeks of them."""
    names = [name for name in etl.lake.partitions(table) if name != NULL_PARTITION]
    for name in sorted(names, reverse=True)[:_MAX_DAYS]:
        yield date.fromisoformat(name)


def recent_sites(etl: Etl) -> set[str]:
    """Sites of recent meetings."""
    sites: set[str] = set()
    for _, rows in read_days(etl.lake, MEETINGS, _recent_days(etl, MEETINGS), ["site_url"]):
        sites.update(filter(None, rows["site_url"].to_pylist()))
    return sites


def probe_targets(etl: Etl, reader: str | None = None) -> ProbeTargets:
    """The latest meeting and transcript for probes, preferably ones that were read before.

    `reader`: only what this account read; a host's own may not read what others host. Nothing for a
    lake that cannot be read, which its own checks report.
    """
    try:
        return _probe_targets(etl, reader)
    except (MeetingEtlError, OSError, ValueError):
        return ProbeTargets()


def _probe_targets(etl: Etl, reader: str | None) -> ProbeTargets:
    meeting_id, meeting_day, was_read = None, None, False
    transcript_id = None
    columns = ["meeting_id", "resource", "resource_id", "status", "account"]
    for day in newest_days(etl, FETCH_LEDGER):
        for item in etl.lake.read(FETCH_LEDGER, day, columns=columns).to_pylist():
            if reader and item["account"] != reader:
                continue
            ready = item["status"] == Status.READY
            if item["resource"] == PARTICIPANTS.name and not was_read and (ready or not meeting_id):
                meeting_id, meeting_day, was_read = item["meeting_id"], day, ready
            if item["resource"] == TRANSCRIPT_SNIPPETS.name and ready and not transcript_id:
                transcript_id = item["resource_id"]
        if was_read and transcript_id:
            break
    if meeting_id is None or meeting_day is None:
        return ProbeTargets(transcript_id=transcript_id)
    rows = etl.lake.read(
        MEETINGS,
        meeting_day,
        columns=["meeting_id", "host_email", "site_url"],
        where={"meeting_id": [meeting_id]},
    ).to_pylist()
    meeting = rows[0] if rows else {}
    host = etl.privacy.hosts.clear(meeting.get("host_email"))
    return ProbeTargets(
        meeting_id=meeting_id,
        host_email=host if host and not is_replaced(host) else None,
        site_url=meeting.get("site_url"),
        transcript_id=transcript_id,
        was_read=was_read,
    )


def _recent_days(etl: Etl, table: Table) -> Iterator[date]:
    earliest = utc_day(etl.clock.now() - _RECENT)
    return (day for day in newest_days(etl, table) if day >= earliest)


def _prerequisite(etl: Etl, table: Table) -> Finding:
    checked = having = 0
    columns = ["resource", "status", "attempts", "row_count"]
    for _, rows in read_days(etl.lake, FETCH_LEDGER, _recent_days(etl, FETCH_LEDGER), columns):
        for item in rows.to_pylist():
            if item["resource"] == table.name and item["attempts"] and item["status"] in _DEFINITE:
                checked += 1
                having += bool(item["row_count"])
    if not checked:
        return skipped(f"The {table.name} of no meeting {_RECENTLY} have been fetched.")
    found = f"{having:,} of {checked:,} meetings {_RECENTLY} have {table.name}."
    if not having and checked >= _ENOUGH_MEETINGS:
        return warning(found, _PREREQUISITES[table])
    return ok(found)


def _open_work(etl: Etl) -> Finding:
    days = etl.ledger.open_days()
    if not days:
        return ok("No day has open work.")
    counts: Counter[str] = Counter()
    for coverage in etl.ledger.coverage(days):
        counts += coverage.statuses
    next_at = [due.next_at for due in days.values() if due.next_at is not None]
    due = f"; the next is due {min(next_at):%Y-%m-%d %H:%M} UTC" if next_at else ""
    news = sum(bool(due.news) for due in days.values())
    open_days = "1 open day" if len(days) == 1 else f"{len(days):,} open days"
    found = (
        f"{open_days} ({news:,} with new events): {counts[Status.WAITING]:,} work items waiting, "
        f"{counts[Status.FAILED]:,} failed{due}."
    )
    if counts[Status.FAILED]:
        return warning(found, "See `meeting-etl status`; they are retried automatically.")
    if any(etl.clock.now() - due_at > timedelta(days=1) for due_at in next_at):
        return warning(found, "Run `meeting-etl run`, or check that its schedule is running.")
    return ok(found)
