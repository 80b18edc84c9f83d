"""When a run starts and which days it covers.

Belongs here: jobs, the schedule, the sensors, and run_now(), which does in this process what they
do through the daemon. Does not: what is due (pipeline/ledger.py), what a run does (assets.py).
"""

import hashlib
import uuid
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

import dagster as dg

from meeting_etl.orchestration.assets import (
    DAY_ASSETS,
    FILE_ASSETS,
    INGEST_ASSETS,
    REFETCH_TAG,
)
from meeting_etl.orchestration.instance import explained
from meeting_etl.orchestration.outcome import (
    Outcome,
    discovered,
    gather_failures,
    ingest_notices,
    undone,
)
from meeting_etl.orchestration.reconciled import RECONCILE_JOB, reconcile_nightly
from meeting_etl.orchestration.span_tags import PARTITION, span_of, span_tags
from meeting_etl.pipeline.ingest import news
from meeting_etl.pipeline.owed import open_owed
from meeting_etl.pipeline.privacy import honour_deletes
from meeting_etl.pipeline.settling import Why
from meeting_etl.schemas import FIRST_DAY, MEETINGS, RECORDING_FILES
from meeting_etl.settings import Etl
from meeting_etl.times import Span, round_up, spans, utc_day

# Days without work between two days with work that one run may cover.
BRIDGE_DAYS = 10
# A run goes resource by resource over its days. So that the newest days never wait for a year of
# others, a longer stretch is several runs, the newest days first, and a longer run that somebody
# else started keeps nobody from the newest days.
LONGEST_DAYS = 31
_NEWEST_DAYS = 4  # all attempts after a meeting's end, as settled by default, and today
# Names the lock that the process of a run_now() holds while it lives.
_LOCK_TAG = "meeting_etl/lock"
# Of runs that cover no new day: dagster.yaml lets few of them be under way at a time.
_PAST_TAG = "meeting_etl/past"
_PRIORITY = "dagster/priority"
_ACTIVE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

INGEST_JOB = dg.define_asset_job(
    "ingest",
    # Reading logs needs no Webex; the checks of the asset do.
    selection=dg.AssetSelection.assets(*INGEST_ASSETS).without_checks(),
    description="Read what the webhook logs have new; switch recording on where that is wanted.",
)
DAYS_JOB = dg.define_asset_job(
    "days", selection=DAY_ASSETS, description="Fold and fetch what is due of some days."
)

FILES_JOB = dg.define_asset_job(
    "files",
    selection=FILE_ASSETS,
    # One at a time (dagster.yaml): downloads are not to take the places of all other runs.
    tags={"meeting_etl/downloads": "true"},
    description="Download recordings of some days, where that is switched on.",
)

every_quarter_hour = dg.ScheduleDefinition(
    name="every_quarter_hour",
    job=INGEST_JOB,
    cron_schedule="*/15 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Reads what the webhook logs have new, every 15 minutes.",
)


@dg.sensor(
    job=DAYS_JOB,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Launches runs for the days that have due work.",
)
def due_days(
    context: dg.SensorEvaluationContext, etl: dg.ResourceParam[Etl]
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run for each span of due days that no active run covers.

    No cursor: what is due is in the lake. The run key changes each quarter hour, so that a span
    whose run failed is tried again, but not every 30 seconds.
    """
    yield from _requests(context, etl, DAYS_JOB.name, etl.ledger.due_days())


@dg.sensor(
    job=FILES_JOB,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Launches downloads of the days that have recordings to download.",
)
def due_files(
    context: dg.SensorEvaluationContext, etl: dg.ResourceParam[Etl]
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """As `due_days`; a download keeps no other run from its day."""
    yield from _requests(context, etl, FILES_JOB.name, etl.due_downloads())


def _requests(
    context: dg.SensorEvaluationContext, etl: Etl, job: str, days: list[date]
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    runs = active_runs(context.instance, etl)
    busy = busy_days(runs, newest=_newest_day(etl), files=job == FILES_JOB.name)
    due = [day for day in runnable(days, etl) if day not in busy]
    if not due:
        yield dg.SkipReason("No day has due work that is not being done.")
    quarter = round_up(etl.clock.now(), timedelta(minutes=15))
    newest = _newest_day(etl)
    for span in _launchable(due, busy):
        # Of all its days: news of any of them are a new run, also where the last one failed.
        texts = [f"{day}+{_due_text(etl, day)}" for day in due if span.first <= day <= span.last]
        news_digest = hashlib.sha256("/".join(sorted(texts)).encode()).hexdigest()[:16]
        past = {_PAST_TAG: "true", _PRIORITY: "-1"} if span.last < newest else {}
        yield dg.RunRequest(
            run_key=f"{job}/{span}/{news_digest}/{quarter}", tags=span_tags(span) | past
        )


@dg.sensor(
    job=INGEST_JOB,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Launches ingest when a webhook log has grown, moved or is new.",
)
def new_log_lines(
    context: dg.SensorEvaluationContext, etl: dg.ResourceParam[Etl]
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run of ingest when there is something to read and none is under way."""
    if any(run.job_name == INGEST_JOB.name for run in active_runs(context.instance, etl)):
        yield dg.SkipReason("Ingest is under way.")
    elif news(etl.logs, etl.lake):
        yield dg.RunRequest()
    else:
        yield dg.SkipReason("No log has news.")


SCHEDULES = [every_quarter_hour, reconcile_nightly]
SENSORS = [due_days, due_files, new_log_lines]


def _launchable(due: list[date], busy: set[date]) -> Iterator[Span]:
    """Spans of due days, newest first; one that would bridge a busy day falls into its pieces."""
    for span in stretches(due, bridge_days=BRIDGE_DAYS):
        if busy.isdisjoint(span):
            yield span
        else:
            yield from reversed(spans(day for day in due if span.first <= day <= span.last))


def stretches(due: Iterable[date], *, bridge_days: int) -> Iterator[Span]:
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
    told to the instance as failed.
    """
    found = []
    for run in instance.get_runs(dg.RunsFilter(statuses=_ACTIVE)):
        lock = run.tags.get(_LOCK_TAG)
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


def _newest_day(etl: Etl) -> date:
    """From this day on days are new."""
    return utc_day(etl.clock.now()) - timedelta(days=_NEWEST_DAYS - 1)


def runnable(days: Iterable[date], etl: Etl) -> list[date]:
    """Those days that are a partition: an end told for tomorrow waits for tomorrow."""
    today = utc_day(etl.clock.now())
    return [day for day in days if FIRST_DAY <= day <= today]


def run_now(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    etl: Etl,
    *,
    asked: Span | None = None,
    refetch: bool = False,
    discover: bool = False,
) -> Outcome:
    """Ingest, then do the due work: of all days, newest first, or of the days asked for.

    With `discover` meetings of the days asked for whose webhook never came are added first; with
    `refetch` everything of these days is asked again. The runs are recorded on the instance. A
    failed step ends it; what it committed stays. Raises StorageError when the instance cannot be
    written.
    """
    outcome = Outcome()
    lock = f"run-{uuid.uuid4().hex}"
    with explained(Path(instance.root_directory)), etl.files.lock(lock):
        active_runs(instance, etl)
        runs = _Runs(defs, instance, outcome, {_LOCK_TAG: lock})
        runs.execute(INGEST_JOB.name, {})
        if discover and asked is not None and not outcome.failures:
            _discover(runs, etl, asked)
        if not outcome.failures:
            _work_off(runs, etl, asked, refetch=refetch)
    etl.files.remove(f"state/locks/{lock}.lock")
    return outcome


# What is to be done about answers that were not asked for, by reason.
_WHY_NOT_ASKED: dict[str, str] = {
    Why.SCOPE: "The first 20 answers for a resource were refusals and the rest was not asked for: "
    "see by `meeting-etl doctor` which scope is missing.",
    Why.NOT_THE_API: "The first 20 answers for a resource were 404 and the rest was not asked for: "
    "this does not look like the Webex API: check WEBEX_BASE_URL.",
}


def _discover(runs: "_Runs", etl: Etl, asked: Span) -> None:
    """One run for all the days, so that they share windows."""
    days = runnable(asked, etl)
    if days:
        runs.execute(RECONCILE_JOB.name, span_tags(Span(days[0], days[-1])))


def _work_off(runs: "_Runs", etl: Etl, asked: Span | None, *, refetch: bool) -> None:
    """A run for each span of due days, newest first; a failed one ends it."""
    days: list[date] = []
    if asked is not None or refetch:
        held = (date.fromisoformat(day) for day in etl.lake.partitions(MEETINGS))
        days = [day for day in held if asked is None or asked.first <= day <= asked.last]
    if asked is not None:
        # What was switched on after their day was done.
        open_owed(etl.lake, etl.ledger, days, etl.switched_on, etl.clock.now())
        if etl.settings.honour_deletes:
            _honour_deletes(etl, days)
    for job, find in ((DAYS_JOB.name, etl.ledger.due_days), (FILES_JOB.name, etl.due_downloads)):
        if job == FILES_JOB.name and RECORDING_FILES.name not in etl.switched_on:
            break
        due = runnable(sorted({*find(), *(days if refetch else ())}), etl)
        if asked is not None:
            due = [day for day in due if asked.first <= day <= asked.last]
        _do(runs, job, due, refetch=refetch)
        if runs.outcome.failures:
            break
    reasons = etl.ledger.failed(runs.outcome.days, runs.ids)
    runs.outcome.failed_pairs += reasons.total()
    runs.outcome.notices += [text for reason, text in _WHY_NOT_ASKED.items() if reasons[reason]]


def _honour_deletes(etl: Etl, days: Iterable[date]) -> None:
    """Also of days that were done before that was switched on."""
    for day in days:
        with etl.lake.lock_days([day]):
            honour_deletes(etl.lake, day, etl.clock.now())


def _do(runs: "_Runs", job: str, due: list[date], *, refetch: bool) -> None:
    outcome = runs.outcome
    bridge_days = 0 if refetch else BRIDGE_DAYS
    for span in stretches(due, bridge_days=bridge_days):
        runs.execute(job, span_tags(span) | ({REFETCH_TAG: "true"} if refetch else {}))
        if outcome.failures:
            break
        done = (day for day in due if span.first <= day <= span.last)
        outcome.days += [day for day in done if day not in outcome.days]


class _Runs:
    """Executes jobs in this process and gathers what they say into the outcome."""

    def __init__(
        self,
        defs: dg.Definitions,
        instance: dg.DagsterInstance,
        outcome: Outcome,
        tags: dict[str, str],
    ) -> None:
        self.outcome = outcome
        self.ids: list[str] = []
        self._defs = defs
        self._instance = instance
        self._tags = tags

    def execute(self, job: str, tags: dict[str, str]) -> None:
        """One run; its failures and notices are in the outcome then."""
        result = self._defs.resolve_job_def(job).execute_in_process(
            instance=self._instance,
            tags=tags | self._tags,
            partition_key=tags.get(PARTITION),
            raise_on_error=False,
            # Dagster's own lines would drown ours; the UI shows them all.
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        self.ids.append(result.run_id)
        self.outcome.notices += ingest_notices(result)
        self.outcome.failed_pairs += undone(result)
        if job == RECONCILE_JOB.name:
            self.outcome.notices += discovered(result)
        gather_failures(result, self.outcome)


def _due_text(etl: Etl, day: date) -> str:
    due = etl.ledger.due_day(day)
    return f"{due.due_at}+{due.version}"
