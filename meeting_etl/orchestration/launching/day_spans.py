"""Which days a run covers, and which days are being worked on.

Belongs here: cutting due days into spans, the days of active runs. Does not: what is due
(pipeline/ledger/ledger.py), launching runs (sensors.py, orchestration/run_now.py).
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

import dagster as dg

from meeting_etl.orchestration.jobs import DAYS_JOB, FILES_JOB, INGEST_AND_DAYS_JOB, RECONCILE_JOB
from meeting_etl.orchestration.ownership import is_ours, named
from meeting_etl.orchestration.run_tags import LOCK_TAG, span_of
from meeting_etl.schemas import FIRST_DAY, TABLES
from meeting_etl.settings import Etl
from meeting_etl.times import Span, spans, utc_day

# One run may cover up to this many days without work between two days with work.
BRIDGE_DAYS = 10
_RECENT_DAYS = 4  # today, and the days covered by the default attempt schedule
_DAY_JOBS = (DAYS_JOB, INGEST_AND_DAYS_JOB, FILES_JOB)
_ACTIVE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def launchable_spans(due: list[date], busy: set[date]) -> Iterator[Span]:
    """Spans of due days, newest first; a span that would cover a busy day is cut into pieces."""
    for span in reversed(spans(due, bridge_days=BRIDGE_DAYS)):
        if busy.isdisjoint(span):
            yield span
        else:
            yield from reversed(spans(day for day in due if span.first <= day <= span.last))


def active_runs(instance: dg.DagsterInstance, etl: Etl) -> list[dg.DagsterRun]:
    """Queued and running runs of the tenant.

    A run of run_now() whose process was killed is not active: nothing else would ever end it, so it
    is reported to the instance as failed.
    """
    found = []
    for run in instance.get_runs(dg.RunsFilter(statuses=_ACTIVE)):
        if not is_ours(run, etl):
            continue
        lock = run.tags.get(LOCK_TAG)
        if lock and not etl.state.is_locked(lock):
            instance.report_run_failed(run, "The process of this run was killed.")
        else:
            found.append(run)
    return found


def busy_days(
    runs: Iterable[dg.DagsterRun], etl: Etl, *, newest: date = date.max, files: bool = False
) -> set[date]:
    """Days covered by one of these runs; with `files`, days covered by a run of downloads.

    A long run, such as a backfill, does not make the days from `newest` on busy: it has worked them
    off first, and their new work does not wait for its end. The days' locks keep the two apart.
    """
    found: set[date] = set()
    for run in runs:
        span = span_of(run.tags)
        # A day can be worked on while it is reconciled, and while its files are downloaded.
        if span is None or not _is_about_days(run, etl):
            continue
        if (run.job_name == named(etl, FILES_JOB.name)) == files:
            is_long = (span.last - span.first).days >= _RECENT_DAYS
            found.update(day for day in span if not (is_long and day >= newest))
    return found


def _is_about_days(run: dg.DagsterRun, etl: Etl) -> bool:
    """Whether a run works on days: an instance may have jobs and assets of others, too."""
    if run.job_name == named(etl, RECONCILE_JOB.name):
        return False
    if run.job_name in {named(etl, job.name) for job in _DAY_JOBS}:
        return True
    return any(key.path[-1] in TABLES for key in run.asset_selection or ())


def first_recent_day(etl: Etl) -> date:
    """The first of the recent days."""
    return utc_day(etl.clock.now()) - timedelta(days=_RECENT_DAYS - 1)


def partition_days(days: Iterable[date], etl: Etl, first: date = FIRST_DAY) -> list[date]:
    """The days that are partitions already: one in the future waits until it has begun."""
    today = utc_day(etl.clock.now())
    return [day for day in days if first <= day <= today]


def first_partition_of(repository: dg.RepositoryDefinition | None, etl: Etl) -> date:
    """The first partition of the tenant in the definitions that a sensor belongs to."""
    job = repository.get_job(named(etl, DAYS_JOB.name)) if repository else None
    days = job.partitions_def if job else None
    first = days.get_first_partition_key() if days else None
    return date.fromisoformat(first) if first else FIRST_DAY
