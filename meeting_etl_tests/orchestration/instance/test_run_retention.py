"""Old runs are removed with all their files; the days that they materialized stay so."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from meeting_etl.cli.context import CommandContext
from meeting_etl.cli.prune import prune
from meeting_etl.definitions import build_defs
from meeting_etl.errors import SettingsError
from meeting_etl.files import Files
from meeting_etl.orchestration.instance.instance import dagster_home, open_instance
from meeting_etl.orchestration.instance.run_retention import ended_runs, purge_runs, routine_runs
from meeting_etl.settings import Etl, read_settings
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.commands import command

DAY, OTHER_DAY = "2026-03-02", "2026-03-03"
KEY = dg.AssetKey("meetings")
ETL = Etl({})


@dg.asset(partitions_def=dg.DailyPartitionsDefinition("2026-03-01"))
def meetings() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"rows": 7})


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(dagster_home(Files(tmp_path), None)) as opened:
        yield opened


def executed(instance: dg.DagsterInstance, day: str) -> str:
    done = dg.materialize([meetings], instance=instance, partition_key=day)
    return str(done.run_id)


def ended(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, ended_at: datetime) -> str:
    run = dg.DagsterRun(job_name="days", status=status)
    instance.run_storage.add_historical_run(run, ended_at)
    return run.run_id


def files_of(instance: dg.DagsterInstance, run_id: str) -> list[Path]:
    root = Path(instance.root_directory)
    return [path for path in root.rglob("*") if run_id in str(path)]


def silent(what: str, done: int, total: int) -> None:
    assert what
    assert done <= total


def test_an_old_run_leaves_no_file_behind(instance: dg.DagsterInstance) -> None:
    run_id = executed(instance, DAY)
    assert files_of(instance, run_id)
    later = datetime.now(UTC) + timedelta(seconds=1)
    assert purge_runs(instance, ETL, ended_runs(instance, ETL, later), silent) == 1
    assert instance.get_run_by_id(run_id) is None
    assert files_of(instance, run_id) == []


@pytest.mark.slow
def test_days_stay_materialized_with_their_metadata_when_their_runs_are_removed(
    instance: dg.DagsterInstance,
) -> None:
    for day in (DAY, DAY, OTHER_DAY):
        executed(instance, day)
    later = datetime.now(UTC) + timedelta(seconds=1)
    for runs in (3, 0):
        assert purge_runs(instance, ETL, ended_runs(instance, ETL, later), silent) == runs
        assert instance.get_materialized_partitions(KEY) == {DAY, OTHER_DAY}
        records = instance.fetch_materializations(KEY, limit=10).records
        # The newest event of each day, once.
        assert sorted(str(record.partition_key) for record in records) == [DAY, OTHER_DAY]
        for record in records:
            assert record.asset_materialization is not None
            assert record.asset_materialization.metadata["rows"].value == 7


@pytest.mark.slow
def test_a_day_keeps_the_event_of_its_newest_run(
    instance: dg.DagsterInstance,
) -> None:
    executed(instance, DAY)
    between = datetime.now(UTC)
    younger = executed(instance, DAY)
    assert purge_runs(instance, ETL, ended_runs(instance, ETL, between), silent) == 1
    (record,) = instance.fetch_materializations(KEY, limit=10).records
    assert record.run_id == younger


def test_active_and_recent_runs_are_never_removed(instance: dg.DagsterInstance) -> None:
    now = datetime(2026, 3, 31, tzinfo=UTC)
    old, young = now - timedelta(days=31), now - timedelta(days=29)
    ends = {
        dg.DagsterRunStatus.SUCCESS,
        dg.DagsterRunStatus.FAILURE,
        dg.DagsterRunStatus.CANCELED,
    }
    # A queued run must name the code that would run it, which does not matter here.
    statuses = set(dg.DagsterRunStatus) - {dg.DagsterRunStatus.QUEUED}
    stay = {ended(instance, status, young) for status in statuses}
    stay |= {ended(instance, status, old) for status in statuses - ends}
    for status in ends:
        ended(instance, status, old)
    assert (
        purge_runs(instance, ETL, ended_runs(instance, ETL, now - timedelta(days=30)), silent) == 3
    )
    assert set(instance.get_run_ids()) == stay


def test_the_nightly_job_removes_what_is_older_than_the_setting(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    now = datetime(2026, 3, 31, tzinfo=UTC)
    toml = tmp_path / "settings.toml"
    toml.write_text('[retention]\ndagster_runs = "3d"\n')
    etl = Etl(
        {"MEETING_ETL_SETTINGS": str(toml), "MEETING_ETL_DATA_DIR": str(tmp_path)},
        ManualClock(now),
    )
    defs = build_defs(etl)
    (schedule,) = (
        scheduled for scheduled in defs.schedules or () if scheduled.name == "maintenance_nightly"
    )
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    ended(instance, dg.DagsterRunStatus.SUCCESS, now - timedelta(days=4))
    stays = ended(instance, dg.DagsterRunStatus.SUCCESS, now - timedelta(days=2))
    routine = dg.DagsterRun(
        job_name="ingest",
        status=dg.DagsterRunStatus.SUCCESS,
        tags={"dagster/sensor_name": "due_work"},
    )
    instance.run_storage.add_historical_run(routine, now - timedelta(days=2))
    done = defs.resolve_job_def(schedule.job_name).execute_in_process(instance=instance)
    assert set(instance.get_run_ids()) == {stays, done.run_id}


def test_prune_counts_old_runs_and_then_removes_them(
    instance: dg.DagsterInstance, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    now = datetime(2026, 3, 31, tzinfo=UTC)
    context = CommandContext({"MEETING_ETL_DATA_DIR": str(tmp_path)}, ManualClock(now))
    ended(instance, dg.DagsterRunStatus.SUCCESS, now - timedelta(days=11))
    stays = ended(instance, dg.DagsterRunStatus.SUCCESS, now - timedelta(days=9))
    arguments = ["--dagster", "--older-than", "10d"]
    prune.main([*arguments, "--dry-run"], standalone_mode=False, obj=context)
    assert "Runs to remove: 1.\n" in "".join(capfd.readouterr())
    assert len(instance.get_run_ids()) == 2
    prune.main([*arguments, "--yes"], standalone_mode=False, obj=context)
    assert "Runs removed: 1.\n" in "".join(capfd.readouterr())
    assert instance.get_run_ids() == [stays]


@pytest.mark.parametrize("text", ["30", "0d", "d", "1 month"])
def test_a_retention_must_be_a_number_of_days(tmp_path: Path, text: str) -> None:
    toml = tmp_path / "settings.toml"
    toml.write_text(f'[retention]\ndagster_runs = "{text}"\n')
    with pytest.raises(SettingsError, match=r"\[retention\] dagster_runs .*as in 30d"):
        read_settings({"MEETING_ETL_SETTINGS": str(toml)})


def test_runs_by_sensor_and_schedule_that_succeeded_are_routine(
    instance: dg.DagsterInstance,
) -> None:
    """Not failed runs, runs launched by hand, or recent runs."""
    now = datetime.now(UTC)

    def recorded(status: dg.DagsterRunStatus, age: timedelta, **tags: str) -> str:
        named = {f"dagster/{name}": value for name, value in tags.items()}
        run = dg.DagsterRun(job_name="days", status=status, tags=named)
        instance.run_storage.add_historical_run(run, now - age)
        return run.run_id

    success, failure = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE
    old, new = timedelta(hours=25), timedelta(hours=23)
    routine = {
        recorded(success, old, sensor_name="due_work"),
        recorded(success, old, schedule_name="every_quarter_hour"),
    }
    recorded(success, new, sensor_name="due_work")
    recorded(failure, old, sensor_name="due_work")
    recorded(success, old, backfill="b")
    found = routine_runs(instance, ETL, now - timedelta(days=1))
    assert {run.run_id for run in found} == routine


def test_prune_works_on_the_instance_of_the_environment(tmp_path: Path) -> None:
    home = tmp_path / "elsewhere"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with open_instance(home) as instance:
        ended(instance, dg.DagsterRunStatus.SUCCESS, datetime(2026, 3, 1, tzinfo=UTC))
    environ = {"MEETING_ETL_DATA_DIR": str(tmp_path / "data"), "DAGSTER_HOME": str(home)}
    done = command("prune", "--dagster", "--older-than", "10d", "--dry-run", environ=environ)
    assert done.stderr == "Runs to remove: 1.\n"
