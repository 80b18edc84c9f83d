"""Alerts reach a webhook and a mailbox, once an hour for a cause, and have no secret."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from meeting_etl.definitions import build_defs
from meeting_etl.errors import MeetingEtlError, SettingsError
from meeting_etl.orchestration.alerts.alert_sensor import alert_sensor
from meeting_etl.orchestration.failures import StepFailure
from meeting_etl.pipeline.ledger.work_item import Status, WorkItem
from meeting_etl.settings import Etl
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.orchestration.alerts.receivers import MailServer, Webhook, served
from meeting_etl_tests.orchestration.local_instance import local_instance

NOW = datetime(2026, 3, 5, 12, 7, tzinfo=UTC)
NO_TOKEN = (
    "No Webex token: set WEBEX_ACCESS_TOKEN, or WEBEX_CLIENT_ID, WEBEX_CLIENT_SECRET and "
    "WEBEX_REFRESH_TOKEN."
)
TWO_DAYS = {
    "dagster/asset_partition_range_start": "2026-03-02",
    "dagster/asset_partition_range_end": "2026-03-03",
}


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with served(Webhook()) as webhook:
        yield webhook


class Home:
    """A data folder, an instance, and the sensor, which has ticked once already."""

    def __init__(self, instance: dg.DagsterInstance, etl: Etl) -> None:
        self.instance = instance
        self.etl = etl
        self._cursor: str | None = None
        assert self.tick() == "Alerts begin with the next run that fails."

    def run(self, job: str) -> str:
        defs = build_defs(self.etl, first_day=date(2026, 1, 1))
        result = defs.resolve_job_def(job).execute_in_process(
            instance=self.instance, tags=TWO_DAYS, raise_on_error=False
        )
        return result.run_id

    def tick(self) -> str:
        with dg.build_sensor_context(
            self.instance,
            cursor=self._cursor,
            definitions=build_defs(self.etl),
        ) as context:
            tick = alert_sensor(self.etl).evaluate_tick(context)
            self._cursor = tick.cursor
            return tick.skip_message or ""


@pytest.fixture
def home(tmp_path: Path, webhook: Webhook) -> Iterator[Callable[..., Home]]:
    """A home whose alerts go to the webhook, with what the TOML file says."""
    with local_instance(str(tmp_path)) as instance:

        def made(toml: str = "", **environ: str) -> Home:
            settings = tmp_path / "etl.toml"
            settings.write_text(toml)
            data = {"MEETING_ETL_DATA_DIR": str(tmp_path), "MEETING_ETL_SETTINGS": str(settings)}
            posted = {"MEETING_ETL_ALERT_WEBHOOK_URL": webhook.url}
            return Home(instance, Etl(data | posted | environ, ManualClock(NOW)))

        yield made


def test_a_failed_run_is_posted_with_days_sentence_and_link(
    home: Callable[..., Home], webhook: Webhook
) -> None:
    ours = home("[alerts]\nui_url = 'https://dagster.corvane.example/'\n")
    run_id = ours.run("days")
    assert ours.tick() == (
        "Sent: meeting_etl: The run days of 2026-03-02 to 2026-03-03 failed. 1 runs have ended "
        "since the last tick."
    )
    (text,) = webhook.texts
    assert text == (
        "The run days of 2026-03-02 to 2026-03-03 failed.\n"
        f"{NO_TOKEN}\n"
        f"https://dagster.corvane.example/runs/{run_id}"
    )
    assert ours.tick() == "Sent no alert. 0 runs have ended since the last tick."
    assert len(webhook.texts) == 1


def test_runs_of_other_projects_are_not_ours(home: Callable[..., Home], webhook: Webhook) -> None:
    @dg.asset
    def theirs() -> None:
        raise ValueError

    ours = home()
    others = dg.Definitions(assets=[theirs], jobs=[dg.define_asset_job("their_job", [theirs])])
    for job in ("their_job", "__ASSET_JOB"):  # Dagster's name of what is launched by hand
        done = others.resolve_job_def(job).execute_in_process(
            instance=ours.instance,
            raise_on_error=False,
            asset_selection=[theirs.key] if job == "__ASSET_JOB" else None,
        )
        assert not done.success
    assert ours.tick() == "Sent no alert. 2 runs have ended since the last tick."
    assert webhook.texts == []


@pytest.mark.slow
def test_a_cause_is_sent_once_an_hour(home: Callable[..., Home], webhook: Webhook) -> None:
    ours = home()
    for minutes, sent in ((0, 1), (15, 1), (59, 1), (60, 2), (61, 2)):
        ours.etl.clock = ManualClock(NOW + timedelta(minutes=minutes))
        ours.run("days")
        ours.tick()
        assert len(webhook.texts) == sent, minutes


@pytest.mark.slow
def test_a_clock_that_was_ahead_silences_nothing(
    home: Callable[..., Home], webhook: Webhook
) -> None:
    ours = home()
    for days, sent in ((365, 1), (0, 2)):
        ours.etl.clock = ManualClock(NOW + timedelta(days=days))
        ours.run("days")
        ours.tick()
        assert len(webhook.texts) == sent, days


@pytest.mark.slow
def test_a_check_that_is_an_error_names_its_days(
    home: Callable[..., Home], webhook: Webhook
) -> None:
    ours = home()
    failed = WorkItem(
        "m1", "participants", status=Status.FAILED, last_attempt_at=NOW, run_id="r", attempts=1
    )
    ours.etl.ledger.record(date(2026, 3, 2), [failed])
    run_id = ours.run("check_days")
    ours.tick()
    (text,) = webhook.texts
    assert text == (
        "The check ledger_complete of participants failed for 2026-03-02, in the run check_days.\n"
        "All 1 requests of the latest run failed: run `meeting-etl doctor`. 1 failed and are "
        "repeated: m1.\n"
        f"Run {run_id}"
    )


@pytest.mark.slow
def test_a_warning_and_a_run_that_succeeds_send_nothing(
    home: Callable[..., Home], webhook: Webhook
) -> None:
    ours = home()
    good = WorkItem("m1", "recordings", status=Status.READY, last_attempt_at=NOW, run_id="r")
    failed = WorkItem("m2", "recordings", status=Status.FAILED, last_attempt_at=NOW, run_id="r")
    ours.etl.ledger.record(date(2026, 3, 2), [good, failed])
    ours.run("check_days")
    assert ours.tick() == "Sent no alert. 1 runs have ended since the last tick."
    assert webhook.texts == []


def test_an_unexpected_error_is_named_and_not_quoted(
    home: Callable[..., Home], webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("said by imogen@corvane.example")

    ours = home()
    monkeypatch.setattr("meeting_etl.pipeline.ingest.ingest.ingest", broken)
    ours.run("ingest")
    ours.tick()
    assert "A defect (ValueError): the page of the run has the details." in webhook.texts[0]
    assert "imogen" not in webhook.texts[0]


def test_no_address_of_a_person_and_no_secret_is_sent(
    home: Callable[..., Home], webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise MeetingEtlError("Refused for imogen@corvane.example, token-of-ours")

    ours = home(WEBEX_ACCESS_TOKEN="token-of-ours")
    monkeypatch.setattr("meeting_etl.pipeline.ingest.ingest.ingest", refused)
    ours.run("ingest")
    ours.tick()
    assert "\nRefused for …, …\n" in webhook.texts[0]


def test_an_alert_that_was_not_taken_is_sent_by_the_next_tick(
    home: Callable[..., Home], webhook: Webhook
) -> None:
    ours = home()
    webhook.status = 500
    ours.run("days")
    with pytest.raises(StepFailure) as caught:
        ours.tick()
    sentence = "The alert could not be posted (500): check MEETING_ETL_ALERT_WEBHOOK_URL."
    assert caught.value.description == sentence
    webhook.status = 200
    assert ours.tick().startswith("Sent: ")
    assert len(webhook.texts) == 2


def test_a_failed_run_is_sent_by_mail(home: Callable[..., Home], webhook: Webhook) -> None:
    with served(MailServer()) as server:
        ours = home(
            "[alerts]\nemail_to = ['on-call@corvane.example', 'data@corvane.example']\n"
            "email_from = 'etl@corvane.example'\nsmtp_host = '127.0.0.1'\n"
            f"smtp_port = {server.port}\nsmtp_security = 'none'\n"
        )
        ours.run("days")
        webhook.status = 500
        ours.tick()
    assert server.recipients == ["on-call@corvane.example", "data@corvane.example"]
    (mail,) = server.mails
    subject = "Subject: meeting_etl: The run days of 2026-03-02 to 2026-03-03 failed\n"
    assert subject in mail.replace("\n ", " ")
    assert "No Webex token: set WEBEX_ACCESS_TOKEN" in mail


def test_a_server_without_tls_gets_no_mail_by_default(home: Callable[..., Home]) -> None:
    with served(MailServer()) as server:
        ours = home(
            "[alerts]\nemail_to = ['on-call@corvane.example']\nsmtp_host = '127.0.0.1'\n"
            f"email_from = 'etl@corvane.example'\nsmtp_port = {server.port}\n",
            MEETING_ETL_ALERT_WEBHOOK_URL="",
        )
        ours.run("days")
        with pytest.raises(StepFailure, match=r"by e-mail \(SMTPNotSupportedError\)"):
            ours.tick()
    assert server.mails == []


@pytest.mark.parametrize(("url", "names"), [("", set()), ("https://chat.example/x", {"alerts"})])
def test_without_an_address_there_is_no_sensor(tmp_path: Path, url: str, names: set[str]) -> None:
    environ = {"MEETING_ETL_DATA_DIR": str(tmp_path), "MEETING_ETL_ALERT_WEBHOOK_URL": url}
    found = {sensor.name for sensor in build_defs(Etl(environ)).sensors or ()}
    assert found == {"due_work"} | names


def test_a_wrong_url_is_not_quoted() -> None:
    etl = Etl({"MEETING_ETL_ALERT_WEBHOOK_URL": "http://chat.example/secret-path"})
    with pytest.raises(SettingsError) as caught:
        print(etl.settings)
    assert str(caught.value) == (
        "MEETING_ETL_ALERT_WEBHOOK_URL is not a usable URL: it must begin with https:// except on "
        "this machine."
    )
    good = Etl({"MEETING_ETL_ALERT_WEBHOOK_URL": "https://chat.example/secret-path"})
    assert "secret-path" not in repr(good.settings)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("email_to = ['a@corvane.example']", "email_to needs email_from and smtp_host"),
        (
            "smtp_user = 'etl'\nsmtp_security = 'none'",
            "smtp_user needs smtp_security = 'starttls' or 'tls'",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path: Path, lines: str, sentence: str) -> None:
    file = tmp_path / "etl.toml"
    file.write_text(f"[alerts]\n{lines}\n")
    etl = Etl({"MEETING_ETL_SETTINGS": str(file)})
    with pytest.raises(SettingsError, match=sentence):
        _ = etl.settings
