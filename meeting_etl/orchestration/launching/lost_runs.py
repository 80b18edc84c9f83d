"""The sensor `lost_runs`: fails runs whose process has died, whatever launched them.

Belongs here: when a run is lost. Does not: the lock that its process holds
(orchestration/run_lock.py), launching it again, which Dagster's run_retries do.
"""

from datetime import datetime, timedelta

import dagster as dg

from meeting_etl.orchestration.failures import report_errors
from meeting_etl.orchestration.ownership import is_ours, named
from meeting_etl.orchestration.run_lock import holds_a_lock, lock_of
from meeting_etl.settings import Etl

# The lock is free for an instant at the end of a run, before its status changes. A tick that comes
# a little early still decides.
_FREE_FOR = timedelta(seconds=25)
_LOST = (
    "The process of this run died or lost its connection to PostgreSQL: its lock is free. "
    "What it committed stays."
)


def lost_runs_sensor(etl: Etl) -> dg.SensorDefinition:
    """The sensor. It remembers since when a lock has been free, so that two ticks decide."""
    free_since: dict[str, datetime] = {}  # by id of the run

    @dg.sensor(
        name=named(etl, "lost_runs"),
        target=None,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Fails runs whose process has died on any machine, so that they are retried: "
        "two ticks found its lock in PostgreSQL free.",
    )
    def lost_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        with report_errors():
            lost = _fail_lost(context.instance, etl, free_since)
        return dg.SkipReason(f"Failed {lost:,} runs." if lost else "No run is lost.")

    return lost_runs


def _fail_lost(instance: dg.DagsterInstance, etl: Etl, free_since: dict[str, datetime]) -> int:
    """Report runs to the instance as failed; returns how many."""
    started = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    free = {
        run.run_id: run
        for run in started
        if is_ours(run, etl) and holds_a_lock(run) and not etl.state.is_locked(lock_of(run.run_id))
    }
    now = etl.clock.now()
    lost = [run for key, run in free.items() if now - free_since.get(key, now) >= _FREE_FOR]
    for run in lost:
        instance.report_run_failed(run, _LOST)
    seen = {key: free_since.get(key, now) for key in free}
    free_since.clear()
    free_since.update(seen)
    return len(lost)
