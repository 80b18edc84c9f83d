"""The proof that a run is alive: its process holds a lock in PostgreSQL while it executes steps.

Belongs here: which runs hold a lock, and its name. Does not: what happens when it is free
(launching/lost_runs.py), the runs of run_now(), which hold one lock together (run_now.py).
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

import dagster as dg

from meeting_etl.orchestration.failures import report_errors
from meeting_etl.orchestration.ownership import is_ours
from meeting_etl.orchestration.run_tags import PROCESS_LOCK_TAG
from meeting_etl.settings import Etl

if TYPE_CHECKING:
    from dagster._core.events import DagsterEvent
    from dagster._core.execution.context.system import PlanOrchestrationContext
    from dagster._core.execution.plan.plan import ExecutionPlan
    from dagster._core.execution.retries import RetryMode


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

        A step that failed because locks were lost is no reason to give up: Dagster retries a run
        that fails by itself, not one whose step failed.
        """
        lock, is_failed = lock_of(plan_context.run_id), False
        owners = [etl for etl in self._etls if is_ours(plan_context.dagster_run, etl)]
        with report_errors(), ExitStack() as stack:
            locks = [stack.enter_context(etl.state.lock(lock)) for etl in owners]
            if owners:
                tag = {PROCESS_LOCK_TAG: lock}
                plan_context.instance.add_run_tags(plan_context.run_id, tag)
            for event in self._executor.execute(plan_context, execution_plan):
                is_failed = is_failed or event.is_step_failure
                yield event
            for each in locks if is_failed else ():
                each.check()
