"""Our definitions in a project of somebody else, as docs/deployment.md shows it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from meeting_etl.definitions import build_defs
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.settings import Etl
from meeting_etl_tests.product import Product, tables
from meeting_etl_tests.recent_world import recent_world

PROJECT = """
[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "theirs"
code_location_target_module = "theirs.definitions"
"""
DOCUMENT = Path(__file__).parents[2] / "docs" / "deployment.md"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The code of the document, in a folder of its own."""
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    folder = tmp_path / "project"
    package = folder / "theirs"
    (package / "defs").mkdir(parents=True)
    for name, text in (("__init__", ""), ("defs/__init__", ""), ("definitions", code)):
        (package / f"{name}.py").write_text(text)
    (folder / "pyproject.toml").write_text(PROJECT)
    return folder


def dg_command(project: Path, *arguments: str, **variables: str) -> str:
    """What Dagster's own command says in the project."""
    home = project.parent / "home"
    home.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "dagster_dg_cli.cli", *arguments],
        cwd=project,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PYTHONPATH": str(project),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "DAGSTER_HOME": str(home),
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_dagster_accepts_the_documented_project(project: Path) -> None:
    dg_command(project, "check", "defs")
    listed = dg_command(project, "list", "defs")
    assert "webex/meetings" in listed
    assert "weekly_report" in listed


@pytest.mark.slow
def test_the_documented_project_launches_our_assets_with_its_executor(
    project: Path, tmp_path: Path
) -> None:
    """Dagster's default: a process for each step."""
    world = recent_world(2, days_ago=10, days=2, meetings=8)
    with Sandbox(world) as webex:
        product = Product(tmp_path / "data", webex)
        product.write_logs()
        dg_command(project, "launch", "--job", "ingest", **product.environ)
        assert list((product.folder / "lake" / "webhook_events").rglob("*.parquet"))


@pytest.mark.slow
def test_a_project_with_a_prefix_gets_the_same_tables(project: Path, tmp_path: Path) -> None:
    """By its own run of a job, in its own process."""
    world = recent_world(2, days_ago=10, days=2, meetings=8)
    with Sandbox(world) as webex:
        ours = Product(tmp_path / "ours", webex)
        ours.write_logs()
        assert ours.run().failures == []
        theirs = Product(tmp_path / "theirs", webex)
        theirs.write_logs()
        days = sorted({str(row["date"]) for row in ours.rows("meetings")})
        definitions = build_defs(theirs.etl(), key_prefix=["webex"], executor=None)
        with dg.DagsterInstance.ephemeral() as instance:
            done = definitions.resolve_job_def("ingest_and_days").execute_in_process(
                instance=instance,
                tags={
                    "dagster/asset_partition_range_start": days[0],
                    "dagster/asset_partition_range_end": days[-1],
                },
            )
            assert done.success
            known = {key.to_user_string() for key in instance.get_asset_keys()}
        assert {"webex/meetings", "webex/transcript_snippets"} <= known
        assert all(name.startswith("webex/") for name in known)
        assert tables(theirs.folder) == tables(ours.folder)


def test_without_automation_nothing_starts_by_itself() -> None:
    definitions = build_defs(Etl({}), automation=False)
    assert not definitions.sensors
    assert not definitions.schedules
    assert {job.name for job in definitions.jobs or ()} >= {"ingest", "days", "reconcile"}


def test_two_prefixes_and_two_data_folders_have_nothing_in_common(tmp_path: Path) -> None:
    first, second = (
        build_defs(Etl({"MEETING_ETL_DATA_DIR": str(tmp_path / name)}), key_prefix=[name])
        for name in ("east", "west")
    )
    keys = [set(each.resolve_all_asset_keys()) for each in (first, second)]
    assert keys[0].isdisjoint(keys[1])


def test_the_lineage_of_columns_has_the_prefix() -> None:
    specs = build_defs(Etl({}), key_prefix=["webex"]).resolve_all_asset_specs()
    (attendance,) = (spec for spec in specs if spec.key == dg.AssetKey(["webex", "attendance"]))
    lineage = attendance.metadata["dagster/column_lineage"].deps_by_column
    assert lineage["reason"] == [dg.TableColumnDep(dg.AssetKey(["webex", "presence"]), "why_not")]
