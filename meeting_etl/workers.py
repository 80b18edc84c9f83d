"""The Celery application of the workers: `celery -A meeting_etl.workers worker`.

Belongs here: Celery's settings, which decide what becomes of a run whose worker is lost. Does not:
which runs are launched (orchestration/launching/), how they are handed over (the CeleryRunLauncher
of deploy/cluster/dagster-control.yaml), where broker and results are: CELERY_BROKER_URL and
CELERY_RESULT_BACKEND, which Celery reads itself.
"""

from typing import Any

import dagster as dg
from dagster._cli.api import _execute_run_command_body
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import unpack_value
from dagster_celery.config import TASK_EXECUTE_JOB_NAME
from dagster_celery.make_app import make_app

app = make_app(
    {
        "config_source": {
            # A worker that is cut off is noticed within two of them, on both sides.
            "broker_heartbeat": 20,
            "broker_connection_retry_on_startup": True,
            # The task of a lost worker goes to the next one, where Dagster fails the run, so that
            # it is retried with a new id.
            "task_acks_late": True,
            "task_reject_on_worker_lost": True,
            "worker_cancel_long_running_tasks_on_connection_loss": True,
            # A run waits where another worker can take it.
            "worker_prefetch_multiplier": 1,
            # Each run in a process of its own, as Dagster's own launcher has it: settings are read
            # anew, and an account that was set aside is tried again.
            "worker_max_tasks_per_child": 1,
            # A worker waits for PostgreSQL, where Celery notes that a task begins and ends: after
            # three tries it would drop the task, whose run would be starting for a quarter hour.
            "result_backend_always_retry": True,
            "result_backend_max_retries": float("inf"),
            # Dagster logs for itself, and captures what a run prints, which it finds in the
            # process's own streams alone.
            "worker_hijack_root_logger": False,
            "worker_redirect_stdouts": False,
        }
    }
)


class RunNotFinished(Exception):
    """The history of runs does not know the end of a run, because it could not be written there."""


@app.task(  # type: ignore[untyped-decorator]
    name=TASK_EXECUTE_JOB_NAME,
    track_started=True,
    # PostgreSQL was away before the run began or when it ended: without another try, the run would
    # be starting or started for ever. The next one executes it or, if it had begun, fails it.
    autoretry_for=(Exception,),
    max_retries=None,
    default_retry_delay=5,
)
def execute_job(execute_job_args_packed: Any) -> int:
    """Execute a run, as the task of this name in dagster_celery does; returns its exit code."""
    run_id = unpack_value(execute_job_args_packed, as_type=ExecuteRunArgs).run_id
    with dg.DagsterInstance.get() as instance:
        code = _execute_run_command_body(
            run_id=run_id,
            instance=instance,
            write_stream_fn=lambda _: None,
            set_exit_code_on_failure=True,
        )
        run = instance.get_run_by_id(run_id)
    if run is not None and not run.is_finished:
        raise RunNotFinished(run_id)
    return code
