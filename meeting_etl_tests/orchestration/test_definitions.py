"""What Dagster loads, which is the same however it is loaded."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from meeting_etl.definitions import build_defs, defs
from meeting_etl.settings import Etl

ROOT = Path(__file__).parents[2]


def test_loading_needs_no_setting() -> None:
    dg.Definitions.validate_loadable(build_defs(Etl({})))


def test_loading_them_loads_nothing_that_only_runs_need(tmp_path: Path) -> None:
    """A code server loads them at each start, and so does the process of each run."""
    (tmp_path / "lake" / "meetings" / "date=2026-03-02").mkdir(parents=True)
    (tmp_path / "lake" / "due_days").mkdir()
    (tmp_path / "lake" / "due_days" / "2026-03-03.json").write_text("[]")
    environ = {**os.environ, "MEETING_ETL_DATA_DIR": str(tmp_path)}
    names = {"bs4", "duckdb", "numpy", "pyarrow", "requests", "sqlalchemy", "webvtt"}
    script = f"import sys, meeting_etl.definitions; print({names} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_every_asset_takes_any_range_in_one_run() -> None:
    graph = defs.resolve_asset_graph()
    partitions = set()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        if not node.is_executable:
            continue
        assert node.backfill_policy == dg.BackfillPolicy.single_run(), key
        if key.to_user_string() not in ("webhook_events", "auto_record_actions", "report"):
            partitions.add(node.partitions_def)
    (days,) = partitions
    assert days is not None


@pytest.mark.slow
def test_the_workspace_file_loads_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DAGSTER_DISABLE_TELEMETRY": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "meeting_etl.definitions" in done.stdout + done.stderr


def test_the_dg_project_names_the_same_module() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    workspace = yaml.safe_load((ROOT / "workspace.yaml").read_text())
    (loaded,) = workspace["load_from"]
    assert project["code_location_target_module"] == loaded["python_module"]["module_name"]


def test_dagster_accepts_the_settings_of_the_instance(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert not instance.telemetry_enabled
        assert instance.run_retries_enabled
        assert not instance.run_retries_retry_on_asset_or_op_failure
        assert instance.run_monitoring_enabled


def test_each_limit_of_the_instance_is_set_once() -> None:
    limits = yaml.safe_load((ROOT / "dagster.yaml").read_text())["run_queue"]
    keys = [(limit["key"], "value" in limit) for limit in limits["tag_concurrency_limits"]]
    assert sorted(keys) == [
        ("dagster/backfill", False),
        ("meeting_etl/downloads", False),
        ("meeting_etl/downloads", True),  # of each value
        ("meeting_etl/tenant", True),
    ]


@pytest.mark.parametrize("name", ["dagster.yaml"])
def test_the_packaged_file_is_the_one_at_the_top(name: str) -> None:
    assert (ROOT / name).resolve() == ROOT / "meeting_etl/orchestration/instance" / name
