"""The check fails when webhooks are missing, and passes otherwise."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from meeting_etl.definitions import build_defs
from meeting_etl.orchestration.schedules import webhooks_hourly
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.settings import Etl
from meeting_etl.webex.webhook_spec import WebhookSpec, write_webhook_spec
from meeting_etl.webex.webhook_sync import check_webhooks, create
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product
from meeting_etl_tests.sandbox.small import NOW, small_world

EXPECTED = WebhookSpec("https://hooks.team.example/webex", True, ("meetings", "recordings"))


@pytest.fixture
def webex() -> Iterator[Sandbox]:
    with Sandbox(small_world(), ManualClock(NOW)) as webex:
        yield webex


@pytest.fixture
def etl(tmp_path: Path, webex: Sandbox) -> Etl:
    return Product(tmp_path, webex, "admin", ManualClock(NOW)).etl()


def register(etl: Etl) -> None:
    write_webhook_spec(etl.state, EXPECTED)
    webex = etl.accounts.all[0].webex
    list(create(webex, EXPECTED, check_webhooks(webex, EXPECTED), "signing", etl.clock))


def checked(etl: Etl) -> dg.AssetCheckEvaluation:
    """The result of the hourly job, which only runs the check."""
    job = build_defs(etl).resolve_job_def("webhooks")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance)
    assert result.success
    assert result.get_asset_materialization_events() == []
    (evaluation,) = result.get_asset_check_evaluations()
    assert evaluation.asset_key == dg.AssetKey("webhook_events")
    return evaluation


def test_green_without_a_request_when_none_are_expected(etl: Etl, webex: Sandbox) -> None:
    found = checked(etl)
    assert (found.passed, found.description) == (True, "No webhooks are expected.")
    assert webex.counters.total == 0


def test_no_setting_is_needed_when_none_are_expected(tmp_path: Path) -> None:
    assert checked(Etl({"MEETING_ETL_DATA_DIR": str(tmp_path)})).passed


def test_green_when_all_are_there(etl: Etl) -> None:
    register(etl)
    found = checked(etl)
    assert (found.passed, found.description) == (True, "All 8 webhooks are there and active.")


def test_red_when_one_is_missing_and_another_inactive(etl: Etl, webex: Sandbox) -> None:
    register(etl)
    hooks = {(hook.resource, hook.event): hook.id for hook in webex.webhooks.all()}
    webex.webhooks.remove(hooks["meetings", "ended"])
    webex.webhooks.disable(hooks["recordings", "created"])
    found = checked(etl)
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert found.description is not None
    assert "meetings ended: missing; recordings created: inactive." in found.description
    assert "meeting-etl webhooks repair" in found.description
    assert "signing" not in repr(found)


def test_yellow_when_there_are_only_duplicates(tmp_path: Path, webex: Sandbox) -> None:
    etl = Product(tmp_path, webex, "user", ManualClock(NOW)).etl()
    expected = WebhookSpec("https://hooks.team.example/webex", False, ("meetingTranscripts",))
    write_webhook_spec(etl.state, expected)
    for _ in range(2):
        etl.accounts.all[0].webex.webhooks.create(
            {
                "name": "meeting_etl meetingTranscripts created",
                "targetUrl": expected.target_url,
                "resource": "meetingTranscripts",
                "event": "created",
            }
        )
    found = checked(etl)
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_errors_are_one_sentence_without_a_traceback(tmp_path: Path) -> None:
    etl = Etl({"MEETING_ETL_DATA_DIR": str(tmp_path)})
    write_webhook_spec(etl.state, EXPECTED)
    found = checked(etl)
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert found.description is not None
    assert found.description.startswith("Skipped: no token. No Webex token: set WEBEX_ACCESS_TOKEN")


def test_a_token_that_cannot_see_them_does_not_call_them_missing(
    tmp_path: Path, webex: Sandbox
) -> None:
    etl = Product(tmp_path, webex, "user", ManualClock(NOW)).etl()
    write_webhook_spec(etl.state, EXPECTED)
    found = checked(etl)
    assert not found.passed
    assert "WEBEX_TOKEN_KIND" in str(found.description)
    assert webex.counters.total == 0


def test_an_outage_fails_the_check_without_a_traceback(
    tmp_path: Path, webex: Sandbox, etl: Etl
) -> None:
    register(etl)
    wrong = Product(tmp_path, webex, "admin", more={"WEBEX_ACCESS_TOKEN": "expired"}).etl()
    found = checked(wrong)
    assert not found.passed
    assert "WEBEX_ACCESS_TOKEN" in str(found.description)


def test_it_runs_every_hour_and_not_with_every_ingest(etl: Etl, webex: Sandbox) -> None:
    assert webhooks_hourly.job_name == "webhooks"
    assert webhooks_hourly.cron_schedule == "7 * * * *"
    assert webhooks_hourly.default_status == dg.DefaultScheduleStatus.RUNNING
    with dg.build_schedule_context(resources={"etl": etl}) as context:
        assert not webhooks_hourly.evaluate_tick(context).run_requests
    register(etl)
    with dg.build_schedule_context(resources={"etl": etl}) as context:
        assert len(webhooks_hourly.evaluate_tick(context).run_requests or []) == 1
    seen = webex.counters.total
    job = build_defs(etl).resolve_job_def("ingest")
    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(instance=instance).success
    assert webex.counters.total == seen
