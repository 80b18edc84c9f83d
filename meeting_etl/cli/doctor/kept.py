"""Sections meetings and work: what the lake and the ledger tell; what of it can be asked about.

Belongs here: reading the latest days of the lake. Does not: asking Webex (token.py).
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial

from meeting_etl.cli.doctor.line import Finding, Line, look, ok, skipped, warning
from meeting_etl.errors import MeetingEtlError
from meeting_etl.lake.partitions import NULL_PARTITION
from meeting_etl.pipeline.ledger.work_item import Status
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
from meeting_etl.webex.probes import Known

_RECENT = timedelta(days=14)
_LATELY = f"of the last {_RECENT.days} days"
_DAYS_LOOKED_AT = 16
_ENOUGH_MEETINGS = 10
# An answer that says whether there is one; what was refused or failed does not.
_DEFINITE = frozenset({Status.READY, Status.WAITING, Status.ABSENT, Status.GONE})
_PREREQUISITES = {
    RECORDINGS: "Switch recording on for the site and its hosts (auto-record helps), and see that "
    "meetings are recorded in the cloud.",
    TRANSCRIPTS: "Switch Webex Assistant or closed captions on for the site and its meetings: "
    "without them Webex makes no transcripts.",
}


def newest_days(etl: Etl, table: Table) -> Iterator[date]:
    """The latest days that a table has partitions for, newest first; some two weeks of them."""
    names = [name for name in etl.lake.partitions(table) if name != NULL_PARTITION]
    for name in sorted(names, reverse=True)[:_DAYS_LOOKED_AT]:
        yield date.fromisoformat(name)


def known(etl: Etl) -> Known:
    """The latest meeting and transcript that can be asked about, best one that was read before.

    A lake that cannot be read is told of by the lines about it; nothing is known then.
    """
    try:
        return _known(etl)
    except (MeetingEtlError, OSError, ValueError):
        return Known()


def recent_sites(etl: Etl) -> set[str]:
    """Sites of the meetings of the last days."""
    found: set[str] = set()
    for day in _recent_days(etl, MEETINGS):
        found.update(filter(None, _column(etl, MEETINGS, day, "site_url")))
    return found


def meeting_lines(etl: Etl) -> list[Line]:
    """Whether meetings of late have recordings and transcripts at all."""
    return [
        look("meetings", table.name, partial(_prerequisite, etl, table)) for table in _PREREQUISITES
    ]


def work_lines(etl: Etl) -> list[Line]:
    """What the ledger has to do still."""
    return [look("work", "open work", lambda: _open_work(etl))]


def _known(etl: Etl) -> Known:
    meeting_id, day, was_read = None, None, False
    transcript_id = None
    for one in newest_days(etl, FETCH_LEDGER):
        names = ["meeting_id", "resource", "resource_id", "status"]
        for pair in etl.lake.read(FETCH_LEDGER, one, columns=names).to_pylist():
            ready = pair["status"] == Status.READY
            if pair["resource"] == PARTICIPANTS.name and not was_read and (ready or not meeting_id):
                meeting_id, day, was_read = pair["meeting_id"], one, ready
            if pair["resource"] == TRANSCRIPT_SNIPPETS.name and ready and not transcript_id:
                transcript_id = pair["resource_id"]
        if was_read and transcript_id:
            break
    if meeting_id is None or day is None:
        return Known(transcript_id=transcript_id)
    rows = etl.lake.read(
        MEETINGS,
        day,
        columns=["meeting_id", "host_email", "site_url"],
        where={"meeting_id": [meeting_id]},
    ).to_pylist()
    row = rows[0] if rows else {}
    return Known(
        meeting_id=meeting_id,
        host_email=row.get("host_email"),
        site_url=row.get("site_url"),
        transcript_id=transcript_id,
        was_read=was_read,
    )


def _recent_days(etl: Etl, table: Table) -> Iterator[date]:
    earliest = utc_day(etl.clock.now() - _RECENT)
    return (day for day in newest_days(etl, table) if day >= earliest)


def _column(etl: Etl, table: Table, day: date, name: str) -> list[str | None]:
    values: list[str | None] = etl.lake.read(table, day, columns=[name])[name].to_pylist()
    return values


def _prerequisite(etl: Etl, table: Table) -> Finding:
    asked = having = 0
    names = ["resource", "status", "attempts", "row_count"]
    for day in _recent_days(etl, FETCH_LEDGER):
        for pair in etl.lake.read(FETCH_LEDGER, day, columns=names).to_pylist():
            if pair["resource"] == table.name and pair["attempts"] and pair["status"] in _DEFINITE:
                asked += 1
                having += bool(pair["row_count"])
    if not asked:
        return skipped(f"No meeting {_LATELY} was asked for its {table.name}.")
    found = f"{having:,} of {asked:,} meetings {_LATELY} have {table.name}."
    if not having and asked >= _ENOUGH_MEETINGS:
        return warning(found, _PREREQUISITES[table])
    return ok(found)


def _open_work(etl: Etl) -> Finding:
    days = etl.ledger.open_days()
    if not days:
        return ok("No day has open work.")
    counts: Counter[str] = Counter()
    for one in etl.ledger.coverage(days):
        counts += one.statuses
    moments = [due.next_at for due in days.values() if due.next_at is not None]
    due = f"; the next is due {min(moments):%Y-%m-%d %H:%M} UTC" if moments else ""
    news = sum(bool(due.news) for due in days.values())
    found = (
        f"{len(days):,} days are open ({news:,} with new events): {counts[Status.WAITING]:,} pairs "
        f"wait, {counts[Status.FAILED]:,} failed{due}."
    )
    if counts[Status.FAILED]:
        return warning(found, "See `meeting-etl status`; they are asked for again by themselves.")
    overdue = [at for at in moments if etl.clock.now() - at > timedelta(days=1)]
    if overdue:
        return warning(found, "Say `meeting-etl run`, or see that its schedule runs.")
    return ok(found)
