"""The proof that a run is alive: its process holds a lock in PostgreSQL while it executes steps.

Belongs here: which runs hold a lock, and its name; what makes a run one that Dagster retries. Does
not: what happens when a lock is free (launching/lost_runs.py), the runs of run_now(), which hold
one lock together (run_now.py).
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.errors import raise_execution_interrupts

from meeting_etl.errors import StorageUnavailable
from meeting_etl.orchestration.failures import report_errors
from meeting_etl.orchestration.ownership import is_ours
from meeting_etl.orchestration.run_tags import PROCESS_LOCK_TAG
from meeting_etl.settings import Etl

if TYPE_CHECKING:
    from dagster._core.events import DagsterEvent
    from dagster._core.execution.context.system import PlanOrchestrationContext
    from dagster._core.execution.plan.plan import ExecutionPlan
    from dagster._core.execution.retries import RetryMode

# So long a run waits for its bucket before it begins: one that fails uses up one of its retries.
_WAIT_SECONDS = 300.0
_LOOK_EVERY_SECONDS = 5.0


def locking_executor(etls: Sequence[Etl]) -> dg.ExecutorDefinition:
    """The in-process executor, each of whose runs holds a lock of its own.

    The lock is in the state of the run's tenant, or of all whose assets somebody selected.
    """
    usual = dg.in_process_executor
    create = usual.executor_creation_fn
    assert create is not None  # noqa: S101 - for the type checker
    return dg.ExecutorDefinition(
        name=usual.name,
        config_schema=usual.config_schema.as_field(),
        executor_creation_fn=lambda context: _LockingExecutor(create(context), etls),
    )


def holds_a_lock(run: dg.DagsterRun) -> bool:
    """Whether its process took a lock; a retry inherits the tag of the run before it."""
    return run.tags.get(PROCESS_LOCK_TAG) == lock_of(run.run_id)


def lock_of(run_id: str) -> str:
    """The name of its lock."""
    return f"run-{run_id}"


class _LockingExecutor(dg.Executor):
    """Executes steps as another executor does, and holds the lock meanwhile."""

    def __init__(self, executor: dg.Executor, etls: Sequence[Etl]) -> None:
        self._executor = executor
        self._etls = etls

    @property
    def retries(self) -> "RetryMode":
        """Those of the other executor."""
        return self._executor.retries

    def execute(
        self, plan_context: "PlanOrchestrationContext", execution_plan: "ExecutionPlan"
    ) -> "Iterator[DagsterEvent]":
        """Execute the steps; the tag says that there is a lock to look at.

        A step that failed because locks were lost or the bucket is unavailable is no reason to give
        up: Dagster retries a run that fails by itself, not one whose step failed.
        """
        lock = lock_of(plan_context.run_id)
        failed: list[DagsterEvent] = []
        owners = [etl for etl in self._etls if is_ours(plan_context.dagster_run, etl)]
        with report_errors(), ExitStack() as stack:
            for etl in owners:
                _wait_for_storage(etl, plan_context.log)
            locks = [stack.enter_context(etl.state.lock(lock)) for etl in owners]
            if owners:
                tag = {PROCESS_LOCK_TAG: lock}
                plan_context.instance.add_run_tags(plan_context.run_id, tag)
            for event in self._executor.execute(plan_context, execution_plan):
                failed += [event] if event.is_step_failure else []
                yield event
            for each in locks if failed else ():
                each.check()
            for event in failed:
                _check_storage(event)


def _wait_for_storage(etl: Etl, log: dg.DagsterLogManager) -> None:
    """Wait until the storage can be read; raises StorageUnavailable when that takes too long."""
    until, said = etl.clock.monotonic() + _WAIT_SECONDS, False
    while True:
        try:
            etl.storage.names("lake")
        except StorageUnavailable as error:
            if etl.clock.monotonic() > until:
                raise
            if not said:
                log.warning(f"Waiting {_WAIT_SECONDS:.0f} s at most for the storage: {error}")
                said = True
            with raise_execution_interrupts():
                etl.clock.sleep(_LOOK_EVERY_SECONDS)
        else:
            return


def _check_storage(failed: "DagsterEvent") -> None:
    """Raise StorageUnavailable if that is why a step failed."""
    failure = failed.step_failure_data.user_failure_data
    kind = failure.metadata.get("kind") if failure else None
    if failure and kind and kind.value == StorageUnavailable.__name__:
        raise StorageUnavailable(failure.description)
