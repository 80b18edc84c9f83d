"""What of a run is worth an alert: its failure, and checks that are errors.

Belongs here: the alerts of a run, and their texts. Does not: which runs are new, how often there is
an alert (alert_sensor.py), sending (channels.py).
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import dagster as dg

from meeting_etl.orchestration.run_tags import span_of
from meeting_etl.texts import some_of

_EMAIL_ADDRESS = re.compile(r"[^\s<>()\"'=&?/,;:]+@[^\s<>()\"'&?/,;:]+")
_MOST_DAYS = 5


@dataclass(frozen=True)
class Alert:
    """A line and a text. Alerts of one `cause` are repeated once an hour at most."""

    cause: str
    subject: str
    text: str


def alerts_of(
    instance: dg.DagsterInstance, run: dg.DagsterRun, *, ui_url: str, secrets: Collection[str]
) -> Iterator[Alert]:
    """The alerts of a run that has ended. They have no secret and no e-mail address."""
    link = f"{ui_url}/runs/{run.run_id}" if ui_url else f"Run {run.run_id}"

    def alert(cause: str, subject: str, sentence: str) -> Alert:
        for secret in secrets:
            sentence = sentence.replace(secret, "…")
        sentence = _EMAIL_ADDRESS.sub("…", sentence)
        return Alert(cause, f"meeting_etl: {subject}", f"{subject}.\n{sentence}\n{link}")

    if run.status is dg.DagsterRunStatus.FAILURE:
        cause, sentence = _failure(instance, run)
        span = span_of(run.tags)
        days = f" of {span}" if span else ""
        yield alert(cause, f"The run {_name_of(run)}{days} failed", sentence)
    for name, failed in _failed_checks(instance, run).items():
        failed_days = [check.partition for check in failed if check.partition]
        of_days = f" for {some_of(sorted(failed_days), _MOST_DAYS, 'days')}" if failed_days else ""
        sentence = failed[0].description or ""
        yield alert(name, f"The check {name} failed{of_days}, in the run {_name_of(run)}", sentence)


def _name_of(run: dg.DagsterRun) -> str:
    """The job, or else what kind of run Dagster made for some assets."""
    return "of selected assets" if run.job_name.startswith("__") else run.job_name


def _failure(instance: dg.DagsterInstance, run: dg.DagsterRun) -> tuple[str, str]:
    """The cause and the sentence of a failed run."""
    events = _events(instance, run, dg.DagsterEventType.STEP_FAILURE)
    for data in events:
        if data.user_failure_data is not None:
            kind = data.user_failure_data.metadata.get("kind")
            return str(kind.value) if kind else run.job_name, data.user_failure_data.description
        # What an unexpected error says may quote anything.
        kind = data.error.cause or data.error if data.error else None
        name = kind.cls_name if kind else "an error"
        return f"{run.job_name}: {name}", f"A defect ({name}): the page of the run has the details."
    return run.job_name, "Its process did not start or has died: the page of the run says more."


def _failed_checks(
    instance: dg.DagsterInstance, run: dg.DagsterRun
) -> dict[str, list[dg.AssetCheckEvaluation]]:
    """The errors of the run's checks, by asset and check."""
    found: dict[str, list[dg.AssetCheckEvaluation]] = defaultdict(list)
    for evaluation in _events(instance, run, dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        if not evaluation.passed and evaluation.severity is dg.AssetCheckSeverity.ERROR:
            name = f"{evaluation.check_name} of {evaluation.asset_key.to_user_string()}"
            found[name].append(evaluation)
    return found


def _events(
    instance: dg.DagsterInstance, run: dg.DagsterRun, kind: dg.DagsterEventType
) -> list[Any]:
    records = instance.get_records_for_run(run.run_id, of_type=kind).records
    events = (record.event_log_entry.dagster_event for record in records)
    return [event.event_specific_data for event in events if event]
