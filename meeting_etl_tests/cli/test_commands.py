"""The command line as its users meet it: answers, errors, exit statuses."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import demo_world, guide_world
from meeting_etl.times import Clock
from meeting_etl_tests.commands import command, command_process
from meeting_etl_tests.product import Product

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def webex() -> Iterator[Sandbox]:
    with Sandbox(guide_world()) as server:
        yield server


@pytest.fixture(scope="module")
def ran(webex: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Product:
    """The guide's meeting, fetched by the command."""
    product = Product(tmp_path_factory.mktemp("ran"), webex, "user")
    product.write_logs()
    done = product.command_process("run")
    assert done.returncode == 0, done.stderr
    return product


def test_run_says_what_it_did(ran: Product) -> None:
    done = ran.command("run")
    assert done.returncode == 0
    assert "No day had due work; 0 requests" in done.stderr


def test_run_makes_a_dagster_instance_without_telemetry_in_the_data_folder(ran: Product) -> None:
    assert "telemetry:\n  enabled: false" in (ran.folder / "dagster/dagster.yaml").read_text()
    assert (ran.folder / "dagster/history").is_dir()


@pytest.mark.slow
def test_a_refetch_of_some_days_asks_again_for_those_alone(ran: Product) -> None:
    seen = ran.webex.counters.total
    assert (
        ran.command("run", "--from", "2021-05-15", "--to", "2021-05-16", "--refetch").returncode
        == 0
    )
    assert ran.webex.counters.total == seen
    done = ran.command("run", "--from", "2021-05-14", "--to", "2021-05-14", "--refetch")
    assert done.returncode == 0
    assert ran.webex.counters.total == seen + 5
    assert len(ran.rows("recordings")) == 1


@pytest.mark.slow
def test_retry_opens_what_it_names_for_the_next_run(ran: Product) -> None:
    done = ran.command(
        "retry", "--status", "ready", "--resource", "recordings", "--to", "2021-05-13"
    )
    assert "0 items queued" in done.stderr
    done = ran.command("retry", "--status", "ready", "--resource", "recordings")
    assert (done.returncode, "1 item queued" in done.stderr) == (0, True)
    seen = ran.webex.counters.total
    assert ran.command("run").returncode == 0
    assert [url.split("?")[0] for url in ran.requests(seen)] == ["/v1/recordings"]


def test_status_shows_logs_ledger_and_open_work(ran: Product) -> None:
    done = ran.command("status")
    assert done.returncode == 0
    assert "1 ingested, 1 lines, 1 events, 0 rejected lines" in done.stdout
    assert "transcript_snippets" in done.stdout
    assert "No day has open work." in done.stdout


def test_status_of_days_says_what_is_known_and_why(ran: Product) -> None:
    shown = ran.command("status", "--from", "2021-05-14", "--to", "2021-05-14").stdout
    lines = [line.split() for line in shown.partition("Day by day")[2].splitlines()]
    # Expected and ready; no other status, nothing to be asked; why.
    assert [line for line in lines if line[:1] == ["recordings"]] == [
        ["recordings", "1", "1", *"––––––", "1", "complete"]
    ]
    assert "Day by day" not in ran.command("status", "--from", "2021-05-15").stdout


def test_status_as_json_has_what_the_tables_have(ran: Product) -> None:
    done = ran.command("status", "--format", "json", "--from", "2021-05-14", "--to", "2021-05-14")
    found = json.loads(done.stdout)
    assert found["data_dir"] == str(ran.folder)
    assert (found["webhook_logs"]["lines"], found["webhook_logs"]["rejected_lines"]) == (1, 0)
    assert (found["open_days"], found["catalog_is_current"]) == ([], True)
    items = {row["resource"]: row for row in found["work_items"]}
    assert (items["recordings"]["items"], items["recordings"]["ready"]) == (1, 1)
    days = {row["resource"]: row for row in found["days"]}
    assert (days["recordings"]["date"], days["recordings"]["reasons"]) == (
        *("2021-05-14", {"complete": 1}),
    )
    assert days["recordings"]["next_attempt_at"] is None
    sentence = re.search(
        r"`--format json` writes one object[^.]*", (DOCS / "operations.md").read_text()
    )
    assert sentence is not None
    assert re.findall(r"`(\w+)`", sentence[0]) == list(found)


def test_what_is_in_the_data_folder_is_documented(ran: Product) -> None:
    documented = (DOCS / "settings.md").read_text().partition("## Files in the data folder")[2]
    for path in ran.folder.iterdir():
        assert f"`{path.name}{'/' * path.is_dir()}`" in documented


@pytest.mark.slow
def test_status_says_until_when_a_day_waits(tmp_path: Path) -> None:
    """A meeting that ended an hour ago: its recording may still come."""
    now = Clock().now()
    world = demo_world(2, now, days=1, meetings=40)
    with Sandbox(world) as webex:
        product = Product(tmp_path, webex)
        product.write_logs()
        product.run()
        shown = product.command("status").stdout
    assert "nothing_yet" in shown
    assert "may_grow" in shown
    asked_next = re.findall(r"\d\d-\d\d \d\d:(?:00|15|30|45) ", shown)
    assert len(asked_next) > 5


def test_sql_answers_as_table_csv_and_json(ran: Product) -> None:
    query = "SELECT person_name, offset_ms, NULL AS nothing FROM transcript_snippets"
    assert "John Andersen" in ran.command("sql", query).stdout
    assert ran.command("sql", query, "--format", "csv").stdout == (
        "person_name,offset_ms,nothing\nJohn Andersen,1000,\n"
    )
    answered = ran.command("sql", query, "--format", "jsonl").stdout
    assert answered == ran.command("sql", query, "--format", "json").stdout
    assert json.loads(answered) == {
        "person_name": "John Andersen",
        "offset_ms": 1000,
        "nothing": None,
    }


def test_rows_wider_than_the_screen_are_shown_whole(ran: Product) -> None:
    shown = ran.command("sql", "SELECT * FROM meetings").stdout
    for row in ran.rows("meetings"):
        assert all(name in shown for name in row)
        assert row["meeting_id"] in shown
        assert row["host_user_id"] in shown


def test_a_wrong_query_is_one_sentence(ran: Product) -> None:
    done = ran.command("sql", "SELECT nonsense FROM meetings")
    assert done.returncode == 2
    assert "nonsense" in done.stderr
    assert "Traceback" not in done.stderr


def test_sql_cannot_change_the_catalog(ran: Product) -> None:
    done = ran.command("sql", "CREATE TABLE mine AS SELECT 1")
    assert done.returncode == 2
    assert "read-only" in done.stderr


def test_sql_before_the_first_run_says_what_to_do(tmp_path: Path) -> None:
    done = command("sql", "SELECT 1", environ={"MEETING_ETL_DATA_DIR": str(tmp_path)})
    assert done.returncode == 2
    assert "meeting-etl run" in done.stderr


def test_a_first_run_without_logs_and_token_ends_well_with_empty_tables(tmp_path: Path) -> None:
    environ = {"MEETING_ETL_DATA_DIR": str(tmp_path)}
    done = command("run", environ=environ)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert "0" in command("sql", "SELECT count(*) FROM meetings", environ=environ).stdout


def test_a_missing_token_names_the_variables(ran: Product, tmp_path: Path) -> None:
    product = Product(tmp_path, ran.webex, "user")
    product.write_logs()
    environ = {name: value for name, value in product.environ.items() if "TOKEN" not in name}
    done = command("run", environ=environ)
    assert done.returncode == 2
    assert "WEBEX_ACCESS_TOKEN" in done.stderr
    assert "WEBEX_REFRESH_TOKEN" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_refused_token_names_the_variable_and_keeps_the_meetings(
    webex: Sandbox, tmp_path: Path
) -> None:
    product = Product(tmp_path, webex, "user")
    product.write_logs()
    environ = product.environ | {"WEBEX_ACCESS_TOKEN": "expired"}
    done = command("run", environ=environ)
    assert done.returncode == 1
    assert "WEBEX_ACCESS_TOKEN" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(product.rows("meetings")) == 1
    # With a good token the next run does what is left.
    assert product.run().failures == []
    assert len(product.rows("recordings")) == 1


@pytest.mark.slow
def test_the_refresh_grant_serves_as_well(webex: Sandbox, tmp_path: Path) -> None:
    product = Product(tmp_path, webex, "user")
    product.write_logs()
    environ = {name: value for name, value in product.environ.items() if "TOKEN" not in name} | {
        "WEBEX_CLIENT_ID": webex.client_id,
        "WEBEX_CLIENT_SECRET": webex.client_secret,
        "WEBEX_REFRESH_TOKEN": webex.grant("user"),
    }
    done = command("run", environ=environ)
    assert done.returncode == 0, done.stderr
    assert len(product.rows("transcript_snippets")) == 1


def test_settings_of_the_file_count(ran: Product, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("[privacy]\nstore_links = true\n")
    product = Product(
        tmp_path / "data",
        ran.webex,
        "user",
        more={"MEETING_ETL_SETTINGS": str(tmp_path / "settings.toml")},
    )
    product.write_logs()
    product.run()
    (row,) = product.rows("recordings")
    assert row["playback_url"].startswith("https://guide-test.webex.example/")


@pytest.mark.slow
def test_discover_finds_meetings_of_which_there_are_no_logs(webex: Sandbox, tmp_path: Path) -> None:
    product = Product(tmp_path, webex, "user")
    for arguments in ([], ["--to", "2021-05-20"]):
        done = product.command("run", "--discover", *arguments)
        assert done.returncode == 2
        assert "--discover needs --from" in done.stderr
    done = product.command("run", "--discover", "--from", "2021-05-10", "--to", "2021-05-20")
    assert done.returncode == 0, done.stderr
    assert "Discovered 1 meetings without a webhook event" in done.stderr + done.stdout
    (meeting,) = product.rows("meetings")
    assert (meeting["origin"], str(meeting["date"])) == ("reconciled", "2021-05-14")
    assert len(product.rows("recordings")) == 1


def test_a_wrong_base_url_settles_nothing(webex: Sandbox, tmp_path: Path) -> None:
    product = Product(tmp_path, webex, "user")
    product.write_logs()
    wrong = product.environ | {"WEBEX_BASE_URL": webex.base_url.removesuffix("/v1")}
    before = webex.counters.total  # other tests ask the same server
    done = command("run", environ=wrong)
    assert done.returncode == 1
    assert "does not look like the Webex API: check WEBEX_BASE_URL" in " ".join(done.stderr.split())
    # As the real host does: in the API's own words, so that only /people/me tells it apart.
    assert {
        (seen.status, seen.url.partition("/")[0]) for seen in webex.counters.requests[before:]
    } == {(404, "")}
    etl = product.etl()
    ((day, due),) = etl.ledger.open_days().items()
    assert due.is_due(etl.clock.now())
    assert {(pair.attempts, pair.settled) for pair in etl.ledger.items(day)} == {(0, False)}


def test_help_needs_no_dagster() -> None:
    done = command_process("--help")
    assert done.returncode == 0
    for name in (
        "demo",
        "run",
        "status",
        "sql",
        "sandbox",
        "dev",
        "WEBEX_ACCESS_TOKEN",
        "Exit status",
    ):
        assert name in done.stdout
