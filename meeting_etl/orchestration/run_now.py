"""run_now(): runs the jobs in this process that the sensors launch through the daemon.

Belongs here: the order of the runs of `meeting-etl run`, and collecting their results. Does not:
which days a run covers (launching/day_spans.py), what a run does (assets/), showing the results
(cli/run_report.py).
"""

import uuid
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import dagster as dg

from meeting_etl.orchestration.instance.instance import translate_instance_errors
from meeting_etl.orchestration.interrupts import noted_interrupts
from meeting_etl.orchestration.jobs import DAYS_JOB, FILES_JOB, INGEST_JOB, RECONCILE_JOB
from meeting_etl.orchestration.launching.day_spans import (
    BRIDGE_DAYS,
    active_runs,
    partition_days,
)
from meeting_etl.orchestration.ownership import named
from meeting_etl.orchestration.run_summary import (
    INTERRUPTED,
    RunSummary,
    collect_failures,
    discovery_notices,
    ingest_notices,
    undecided_count,
)
from meeting_etl.orchestration.run_tags import LOCK_TAG, PARTITION, span_tags
from meeting_etl.pipeline.deletions.honour import honour_deletes
from meeting_etl.pipeline.ledger.newly_enabled import open_newly_enabled
from meeting_etl.pipeline.ledger.reopening import Reopening, reopen
from meeting_etl.pipeline.ledger.work_item import Reason
from meeting_etl.schemas import MEETINGS, RECORDING_FILES
from meeting_etl.settings import Etl
from meeting_etl.times import Span, spans


def run_now(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    etl: Etl,
    *,
    span: Span | None = None,
    refetch: bool = False,
    discover: bool = False,
) -> RunSummary:
    """Ingest, then do the due work of all days, newest first, or of the days of the span.

    With `discover`, the meetings of the span that have no webhook event are added first. With
    `refetch`, all work items of these days are reopened before anything else, so that any later run
    continues. The runs are recorded on the instance. A failed step ends everything, but what it
    committed is kept. Raises StorageError when the instance cannot be written.
    """
    summary = RunSummary()
    lock = f"run-{uuid.uuid4().hex}"
    with (
        translate_instance_errors(Path(instance.root_directory)),
        etl.state.lock(lock),
        noted_interrupts() as interrupted,
    ):
        active_runs(instance, etl)
        if refetch and span is not None:
            reopen(etl.lake, etl.ledger, Reopening(span))
        runs = _Runs(defs, instance, etl, summary, {LOCK_TAG: lock}, interrupted)
        runs.execute(INGEST_JOB.name, {})
        if discover and span is not None and not summary.failures:
            _discover(runs, etl, span)
        if not summary.failures:
            _do_due_work(runs, etl, span)
    etl.state.sweep_locks(lock)
    summary.notices += [
        f"Account {name} was refused {resource} each time; run `meeting-etl doctor` to see why."
        for name, resource in etl.lacking
    ]
    summary.set_aside += [
        f"Account {name} is set aside: {why}" for name, why in etl.set_aside.items()
    ]
    return summary


# What to do about work items for which no request was sent, by reason.
_ADVICE: dict[str, str] = {
    Reason.SCOPE: "The first 20 responses for a resource were refusals, so the rest was not "
    "requested. Run `meeting-etl doctor` to see which scope is missing.",
    Reason.NOT_THE_API: "The first 20 responses for a resource were 404, so the rest was not "
    "requested. This does not look like the Webex API: check WEBEX_BASE_URL.",
}


def _discover(runs: "_Runs", etl: Etl, span: Span) -> None:
    """One run for all days, so that they share windows."""
    days = partition_days(span, etl)
    if days:
        runs.execute(RECONCILE_JOB.name, span_tags(Span(days[0], days[-1])))


def _stored_days(etl: Etl, span: Span) -> list[date]:
    """The days of the span that have meetings."""
    return [day for day in etl.lake.days(MEETINGS) if day in span]


def _do_due_work(runs: "_Runs", etl: Etl, span: Span | None) -> None:
    """A run for each span of due days, newest first; a failed run is the last."""
    if span is not None:
        days = _stored_days(etl, span)
        # Resources that were switched on after these days had settled.
        open_newly_enabled(etl.lake, etl.ledger, days, etl.switched_on, etl.clock.now())
        if etl.settings.honour_deletes:
            _honour_deletes(etl, days)
    for job, find in ((DAYS_JOB.name, etl.ledger.due_days), (FILES_JOB.name, etl.due_downloads)):
        if job == FILES_JOB.name and RECORDING_FILES.name not in etl.switched_on:
            break
        due = partition_days(find(), etl)
        if span is not None:
            due = [day for day in due if span.first <= day <= span.last]
        _run_spans(runs, job, due)
        if runs.summary.failures:
            break
    reasons = etl.ledger.failed(runs.summary.days, runs.ids)
    runs.summary.failed_items += reasons.total()
    runs.summary.notices += [text for reason, text in _ADVICE.items() if reasons[reason]]


def _honour_deletes(etl: Etl, days: Iterable[date]) -> None:
    """Remove what was deleted at Webex, also from days settled before that was switched on."""
    for day in days:
        with etl.lake.lock_days([day]):
            honour_deletes(etl.lake, day, etl.clock.now())


def _run_spans(runs: "_Runs", job: str, due: list[date]) -> None:
    summary = runs.summary
    for run_span in reversed(spans(due, bridge_days=BRIDGE_DAYS)):
        runs.execute(job, span_tags(run_span))
        if summary.failures:
            break
        done = (day for day in due if day in run_span)
        summary.days += [day for day in done if day not in summary.days]


class _Runs:
    """Executes jobs in this process and collects their results in the summary."""

    def __init__(
        self,
        defs: dg.Definitions,
        instance: dg.DagsterInstance,
        etl: Etl,
        summary: RunSummary,
        tags: dict[str, str],
        interrupted: Callable[[], bool],
    ) -> None:
        self.summary = summary
        self.ids: list[str] = []
        self._defs = defs
        self._instance = instance
        self._etl = etl
        self._tags = tags
        self._interrupted = interrupted

    def execute(self, job: str, tags: dict[str, str]) -> None:
        """Execute one run and add its failures and notices to the summary."""
        result = self._defs.resolve_job_def(named(self._etl, job)).execute_in_process(
            instance=self._instance,
            tags=tags | self._tags,
            partition_key=tags.get(PARTITION),
            raise_on_error=False,
            # Dagster's own log lines would hide ours; the UI shows them all.
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        self.ids.append(result.run_id)
        self.summary.notices += ingest_notices(result)
        self.summary.failed_items += undecided_count(result)
        if job == RECONCILE_JOB.name:
            self.summary.notices += discovery_notices(result)
        collect_failures(result, self.summary)
        if self._interrupted() and not self.summary.failures:
            self.summary.failures.append((INTERRUPTED, ""))
