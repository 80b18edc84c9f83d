"""Which days a run is to cover, and which are being worked on.

Belongs here: cutting due days into spans, days of active runs. Does not: what is due
(pipeline/ledger/ledger.py), launching (sensors.py, run_now.py).
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

import dagster as dg

from meeting_etl.orchestration.jobs import FILES_JOB
from meeting_etl.orchestration.reconcile_job import RECONCILE_JOB
from meeting_etl.orchestration.run_tags import LOCK_TAG, span_of
from meeting_etl.schemas import FIRST_DAY
from meeting_etl.settings import Etl
from meeting_etl.times import Span, spans, utc_day

# Days without work between two days with work that one run may cover.
BRIDGE_DAYS = 10
# A run goes resource by resource over its days. So that the newest days never wait for a year of
# others, a longer stretch is several runs, the newest days first, and a longer run that somebody
# else started keeps nobody from the newest days.
LONGEST_DAYS = 31
_NEWEST_DAYS = 4  # all attempts after a meeting's end, as settled by default, and today
_ACTIVE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def launchable_spans(due: list[date], busy: set[date]) -> Iterator[Span]:
    """Spans of due days, newest first; one that would bridge a busy day falls into its pieces."""
    for span in spans_for_runs(due, bridge_days=BRIDGE_DAYS):
        if busy.isdisjoint(span):
            yield span
        else:
            yield from reversed(spans(day for day in due if span.first <= day <= span.last))


def spans_for_runs(due: Iterable[date], *, bridge_days: int) -> Iterator[Span]:
    """What each run is to cover of these days, newest first.

    Of a stretch that is too long for one run the newest days are one for themselves.
    """
    days = sorted(due)
    for span in reversed(spans(days, bridge_days=bridge_days)):
        some = [day for day in days if span.first <= day <= span.last]
        newest = [day for day in some if day > span.last - timedelta(days=_NEWEST_DAYS)]
        if (span.last - span.first).days < LONGEST_DAYS:
            yield span
        else:
            yield Span(newest[0], span.last)
            rest = some[: -len(newest)]
            yield from reversed(spans(rest, bridge_days=bridge_days, longest_days=LONGEST_DAYS))


def active_runs(instance: dg.DagsterInstance, etl: Etl) -> list[dg.DagsterRun]:
    """Queued and running runs.

    A run of run_now() whose process was killed is none: nobody else would ever end it, so it is
    reported to the instance as failed.
    """
    found = []
    for run in instance.get_runs(dg.RunsFilter(statuses=_ACTIVE)):
        lock = run.tags.get(LOCK_TAG)
        if lock and not etl.files.is_locked(lock):
            instance.report_run_failed(run, "The process of this run was killed.")
        else:
            found.append(run)
    return found


def busy_days(
    runs: Iterable[dg.DagsterRun], *, newest: date = date.max, files: bool = False
) -> set[date]:
    """Days that one of these runs covers; with `files` those that one of downloads covers.

    A long run, as a backfill is, keeps the days from `newest` on for itself no more than their
    locks do: what is new of them is not to wait for its end.
    """
    found: set[date] = set()
    for run in runs:
        span = span_of(run.tags)
        # Reconciling a day is no reason not to work on it, nor is downloading, which takes hours.
        if span is None or run.job_name == RECONCILE_JOB.name:
            continue
        if (run.job_name == FILES_JOB.name) is files:
            is_long = (span.last - span.first).days >= LONGEST_DAYS
            found.update(day for day in span if not (is_long and day >= newest))
    return found


def first_recent_day(etl: Etl) -> date:
    """From this day on days are new."""
    return utc_day(etl.clock.now()) - timedelta(days=_NEWEST_DAYS - 1)


def partition_days(days: Iterable[date], etl: Etl) -> list[date]:
    """Those days that are a partition: an end that lies in tomorrow waits for it."""
    today = utc_day(etl.clock.now())
    return [day for day in days if FIRST_DAY <= day <= today]
