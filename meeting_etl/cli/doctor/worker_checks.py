"""Section workers: whether there are some for all runs.

Belongs here: which queues they take runs from. Does not: their settings (workers.py), the state
that they share (state_checks.py).
"""

from collections.abc import Mapping

from meeting_etl.cli.doctor.finding import CheckResult, Finding, ok, problem, run_check
from meeting_etl.orchestration.run_tags import DOWNLOADS_QUEUE
from meeting_etl.schemas import RECORDING_FILES
from meeting_etl.settings import Etl

_BROKER = "CELERY_BROKER_URL"
_DEFAULT_QUEUE = "dagster"
_WAIT_SECONDS = 3.0
# Codes of AMQP: a wrong user or password, a virtual host that is not there or not for this user.
_REFUSED = (403, 530)


def worker_checks(etl: Etl, environ: Mapping[str, str]) -> list[CheckResult]:
    """Nothing where no workers execute the runs."""
    broker = environ.get(_BROKER)
    if not broker:
        return []
    return [run_check("workers", "queues", lambda: _queues(etl, broker))]


def _queues(etl: Etl, broker: str) -> Finding:
    try:
        from dagster_celery.make_app import make_app
    except ModuleNotFoundError:
        return problem("Celery is not installed.", "pip install 'meeting_etl[cluster]'")

    with make_app({"broker": broker}) as app:
        try:
            found = app.control.inspect(timeout=_WAIT_SECONDS).active_queues() or {}
        except Exception as error:  # noqa: BLE001 - what it raises may name passwords
            if getattr(error, "code", None) in _REFUSED:
                return problem(
                    "RabbitMQ refuses the connection.",
                    f"Check user, password and virtual host in {_BROKER}, and its permissions.",
                )
            return problem("RabbitMQ does not answer.", f"Check that it runs, and {_BROKER}.")
    taken = {queue["name"] for queues in found.values() for queue in queues}
    needed = [_DEFAULT_QUEUE]
    if RECORDING_FILES.name in etl.switched_on:
        needed.append(DOWNLOADS_QUEUE)
    missing = [queue for queue in needed if queue not in taken]
    if missing:
        return problem(
            f"No worker takes runs from the queue {' or '.join(missing)}, so these do not start.",
            f"Start workers with --queues {','.join(needed)}, some of them at least.",
        )
    return ok(f"Workers: {len(found):,}; each queue has one: {', '.join(needed)}.")
