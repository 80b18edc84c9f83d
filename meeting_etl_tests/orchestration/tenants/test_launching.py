"""Sensors, pauses and limits of one tenant do not see the runs of another."""

from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterRunStatus as Status

from meeting_etl.orchestration.refused_token import refused_token_tag
from meeting_etl.orchestration.run_tags import span_of
from meeting_etl.settings import Etl
from meeting_etl_tests.orchestration.local_instance import local_instance
from meeting_etl_tests.orchestration.tenants.two import Two, announce, tenant


def days(requests: list[dg.RunRequest]) -> dict[str, str]:
    """The days of each requested run, by its job."""
    return {str(request.job_name): str(span_of(request.tags)) for request in requests}


@pytest.mark.slow
def test_each_sensor_launches_the_days_of_its_tenant(two: Two) -> None:
    sensor = two.defs.resolve_sensor_def("acme__due_work")
    assert sensor.minimum_interval_seconds == 30
    announce(two.acme, "2026-03-10")
    announce(two.globex, "2026-03-12", "2026-03-13")
    assert days(two.requests(two.acme)) == {"acme__days": "2026-03-10"}
    assert days(two.requests(two.globex)) == {"globex__days": "2026-03-12 to 2026-03-13"}


def test_the_same_day_of_both_is_two_runs(two: Two) -> None:
    for etl in (two.acme, two.globex):
        announce(etl, "2026-03-15")
    (first,), (second,) = two.requests(two.acme), two.requests(two.globex)
    assert first.run_key != second.run_key
    run = two.record("acme__days", Status.STARTED, dict(first.tags))
    assert two.status(run) is Status.STARTED
    assert two.requests(two.acme) == []
    assert days(two.requests(two.globex)) == {"globex__days": "2026-03-15"}


def test_a_day_that_was_materialized_by_hand_is_busy_for_its_tenant(two: Two) -> None:
    for etl in (two.acme, two.globex):
        announce(etl, "2026-03-10")
    two.instance.create_run_for_job(
        two.defs.resolve_implicit_global_asset_job_def(),
        status=Status.STARTED,
        asset_selection=frozenset([dg.AssetKey(["acme", "participants"])]),
        tags={"dagster/partition": "2026-03-10"},
    )
    assert two.requests(two.acme) == []
    assert days(two.requests(two.globex)) == {"globex__days": "2026-03-10"}


def test_only_its_own_tenant_ends_a_run_whose_command_was_killed(two: Two) -> None:
    for etl in (two.acme, two.globex):
        announce(etl, "2026-03-10")
    tags = {"dagster/partition": "2026-03-10", "meeting_etl/lock": "run-1"}
    run = two.record("acme__days", Status.STARTED, tags)
    with two.acme.state.lock("run-1"):
        assert len(two.requests(two.globex)) == 1
        assert two.status(run) is Status.STARTED
        assert two.requests(two.acme) == []
    assert len(two.requests(two.acme)) == 1
    assert two.status(run) is Status.FAILURE


@pytest.mark.slow
def test_a_refused_token_pauses_its_tenant_alone(two: Two) -> None:
    for etl in (two.acme, two.globex):
        announce(etl, "2026-03-10")
    run = two.record("acme__days", Status.FAILURE, refused_token_tag(two.acme))
    assert two.status(run) is Status.FAILURE
    refused = two.tick("acme__due_work")
    assert "Webex refuses the access token" in refused.skip_message
    assert days(two.requests(two.globex)) == {"globex__days": "2026-03-10"}


def add_line(etl: Etl) -> None:
    log = etl.logs_folder / "a.jsonl"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        file.write("{}\n")


@pytest.mark.slow
def test_the_pause_between_ingests_is_that_of_the_tenant(two: Two) -> None:
    for etl in (two.acme, two.globex):
        add_line(etl)
    (first,) = two.requests(two.acme)
    assert first.job_name == "acme__ingest_and_days"
    run = two.record(str(first.job_name), Status.SUCCESS, dict(first.tags))
    assert two.status(run) is Status.SUCCESS
    paused = two.tick("acme__due_work")
    assert "New lines are ingested at 2026-03-16" in paused.skip_message
    (second,) = two.requests(two.globex)
    assert second.job_name == "globex__ingest_and_days"
    # Its key names the ingest before, so that a repeated tick launches none.
    assert str(first.run_key).startswith("acme__ingest/after")
    assert str(second.run_key).startswith("globex__ingest/after")


@pytest.mark.slow
def test_schedules_work_for_their_tenant(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = str(tmp_path_factory.mktemp("home"))  # a schedule opens its instance itself
    with local_instance(home) as instance:
        two = Two([tenant(tmp_path, "acme"), tenant(tmp_path, "globex")], instance)
        add_line(two.globex)
        found = {}
        for etl in (two.acme, two.globex):
            schedule = two.defs.resolve_schedule_def(f"{etl.tenant}__every_quarter_hour")
            with dg.build_schedule_context(
                instance,
                etl.clock.now(),
                resources={"acme__etl": two.acme, "globex__etl": two.globex},
                repository_def=two.defs.get_repository_def(),
            ) as context:
                requests = schedule.evaluate_tick(context).run_requests or []
                found[etl.tenant] = [request.job_name for request in requests]
        assert found == {"acme": [], "globex": ["globex__ingest"]}


def test_settings_that_are_wrong_stop_their_tenant_alone(tmp_path: Path) -> None:
    file = tmp_path / "acme.toml"
    file.write_text("[fetch]\nthreads = 0\n")
    acme = tenant(tmp_path, "acme", MEETING_ETL_SETTINGS=str(file))
    with dg.DagsterInstance.ephemeral() as instance:
        two = Two([acme, tenant(tmp_path, "globex")], instance)
        announce(two.globex, "2026-03-10")
        sentence = f"Tenant acme: {file}: .fetch. threads must be at least 1, but is 0"
        with pytest.raises(dg.Failure, match=sentence):
            two.tick("acme__due_work")
        assert days(two.requests(two.globex)) == {"globex__days": "2026-03-10"}
        keys = {key.to_user_string() for key in two.defs.resolve_all_asset_keys()}
        assert {"acme/meetings", "globex/meetings"} <= keys
