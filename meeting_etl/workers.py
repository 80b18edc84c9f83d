"""The Celery application of the workers: `celery -A meeting_etl.workers worker`.

Belongs here: Celery's settings, which decide what becomes of a run whose worker is lost. Does not:
which runs are launched (orchestration/launching/), how they are handed over (the CeleryRunLauncher
of deploy/cluster/dagster-control.yaml), where broker and results are: CELERY_BROKER_URL and
CELERY_RESULT_BACKEND, which Celery reads itself.
"""

from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_execute_job_task

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
            # Dagster logs for itself, and captures what a run prints, which it finds in the
            # process's own streams alone.
            "worker_hijack_root_logger": False,
            "worker_redirect_stdouts": False,
        }
    }
)
execute_job = create_execute_job_task(app)
