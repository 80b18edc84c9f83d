"""Dagster's settings in deploy/cluster/: what they share with those of one machine."""

from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).parents[3] / "deploy" / "cluster"


def settings(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text())


CONTROL, WORKER = settings("dagster-control.yaml"), settings("dagster-worker.yaml")
LOCAL = yaml.safe_load(
    resources.files("meeting_etl.orchestration.instance").joinpath("dagster.yaml").read_text()
)


@pytest.mark.parametrize("name", ["telemetry", "nux", "run_queue", "retention"])
def test_the_control_host_has_the_settings_of_one_machine(name: str) -> None:
    assert CONTROL[name] == LOCAL[name]


def test_lost_runs_are_retried_more_often_there_and_failed_steps_nowhere() -> None:
    ours, usual = CONTROL["run_retries"], LOCAL["run_retries"]
    assert ours == usual | {"max_retries": 10}
    assert usual["max_retries"] < 10
    assert not usual["retry_on_asset_or_op_failure"]


def test_all_hosts_share_one_history_and_workers_do_not_monitor() -> None:
    assert CONTROL["storage"] == WORKER["storage"]
    assert CONTROL["run_monitoring"]["enabled"]
    assert WORKER["run_monitoring"] == {"enabled": False}
