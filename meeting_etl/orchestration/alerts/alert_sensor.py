"""The sensor `alerts`: sends an alert when a run or a check has failed.

Belongs here: which runs are new, and at most one alert an hour for a cause. Does not: what an alert
says (failed_runs.py), sending it (channels.py).

Dagster's own sensors of failed runs know neither checks nor a limit, and send by e-mail only.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from meeting_etl.orchestration.alerts.channels import NotSent, send
from meeting_etl.orchestration.alerts.failed_runs import Alert, alerts_of
from meeting_etl.orchestration.failures import StepFailure
from meeting_etl.orchestration.ownership import is_ours, named
from meeting_etl.settings import Etl
from meeting_etl.settings.alerts import Alerts
from meeting_etl.times import format_timestamp, parse_timestamp

_PAUSE = timedelta(hours=1)
_SENT = "alerts"
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
_RUNS_OF_A_TICK = 50


def alert_sensor(etl: Etl) -> dg.SensorDefinition:
    """The sensor. It looks at the runs that ended since the last tick, `meeting-etl run` included.

    The first tick only notes where it begins. When sending fails, so does the tick, and the next
    one tries again.
    """

    @dg.sensor(
        name=named(etl, "alerts"),
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Sends an alert for each run that failed and each check that is an error, at "
        "most one an hour for a cause. It is there if MEETING_ETL_ALERT_WEBHOOK_URL or [alerts] "
        "email_to is set.",
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        return _send_alerts(context, etl)

    return alerts


def _send_alerts(context: dg.SensorEvaluationContext, etl: Etl) -> dg.SkipReason:
    instance = context.instance
    if context.cursor is None:
        newest = instance.get_run_records(limit=1, order_by="update_timestamp")
        context.update_cursor(_at(newest) or datetime.fromtimestamp(0, UTC).isoformat())
        return dg.SkipReason("Alerts begin with the next run that fails.")
    records = instance.get_run_records(
        dg.RunsFilter(statuses=_ENDED, updated_after=datetime.fromisoformat(context.cursor)),
        limit=_RUNS_OF_A_TICK,
        order_by="update_timestamp",
        ascending=True,
    )
    settings, subjects = etl.settings, []
    for record in (record for record in records if _is_ours(context, record.dagster_run, etl)):
        for alert in alerts_of(
            instance,
            record.dagster_run,
            ui_url=settings.alerts.ui_url,
            secrets=settings.secrets,
        ):
            if _is_first_of_its_hour(etl, alert.cause):
                _send(alert, settings.alerts)
                _remember(etl, alert.cause)
                subjects.append(alert.subject)
    context.update_cursor(_at(records) or context.cursor)
    sent = f"Sent: {'; '.join(subjects)}." if subjects else "Sent no alert."
    return dg.SkipReason(f"{sent} {len(records)} runs have ended since the last tick.")


def _is_ours(context: dg.SensorEvaluationContext, run: dg.DagsterRun, etl: Etl) -> bool:
    """Whether a run is of the tenant, and of this code location: an instance may have others."""
    if not is_ours(run, etl):
        return False
    ours = context.repository_def
    if ours is None:
        return True
    keys = ours.asset_graph.get_all_asset_keys()
    return run.job_name in ours.job_names and (
        not run.asset_selection or not keys.isdisjoint(run.asset_selection)
    )


def _send(alert: Alert, alerts: Alerts) -> None:
    try:
        send(alert, alerts)
    except NotSent as error:
        raise StepFailure(error) from None  # the tick shows the sentence, and no stack trace


def _at(records: Sequence[dg.RunRecord]) -> str | None:
    """When the last of the records was updated."""
    if not records:
        return None
    return records[-1].update_timestamp.replace(tzinfo=UTC).isoformat()


def _is_first_of_its_hour(etl: Etl, cause: str) -> bool:
    return cause not in _sent_within_the_hour(etl, etl.state.get(_SENT))


def _remember(etl: Etl, cause: str) -> None:
    with etl.state.swap(_SENT) as value:
        sent = _sent_within_the_hour(etl, value.content)
        sent[cause] = format_timestamp(etl.clock.now())
        value.content = json.dumps(sent).encode()


def _sent_within_the_hour(etl: Etl, content: bytes | None) -> dict[str, str]:
    """The causes of alerts of the last hour, and when they were sent."""
    sent: dict[str, str] = json.loads(content) if content else {}
    now = etl.clock.now()
    since = now - _PAUSE
    # What a wrong clock noted in the future does not count.
    return {
        cause: at for cause, at in sent.items() if since < (parse_timestamp(at) or since) <= now
    }
