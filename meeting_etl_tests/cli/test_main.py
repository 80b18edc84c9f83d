"""Mistakes of users end with a sentence and an exit status; answers of SQL are exact."""

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from meeting_etl.cli.main import main
from meeting_etl.cli.options import confirm
from meeting_etl.lake import catalog
from meeting_etl.pipeline.ledger.work_item import WorkItem
from meeting_etl.settings import Etl, read_settings

Command = Callable[..., tuple[int | str | None, str, str]]


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Command:
    """The command line over an empty lake: exit status, stdout, stderr."""
    etl = Etl({"MEETING_ETL_DATA_DIR": str(tmp_path)})
    catalog.publish(etl.files, etl.lake)
    monkeypatch.setenv("MEETING_ETL_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    def run(*arguments: str, **variables: str) -> tuple[int | str | None, str, str]:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        status: int | str | None = 0
        try:
            main(arguments)
        except SystemExit as end:
            status = end.code
        written = capfdbinary.readouterr()
        return status, written.out.decode(), written.err.decode()

    return run


VALUES = """
SELECT 2026 AS year, true AS yes, 0.1::FLOAT AS small, [0.1::FLOAT] AS several, NULL AS nothing,
       '' AS blank, TIMESTAMPTZ '2021-05-14 20:25:19+00' AS at, DATE '2021-05-14' AS day,
       12345678901234567.89::DECIMAL(19, 2) AS money, 'nan'::DOUBLE AS wrong,
       {'a': 1, 'b': [2]} AS nested, 'a'::BLOB AS bytes,
       170141183460469231731687303715884105727 AS big
"""


def test_csv_has_the_values_as_they_are(command: Command) -> None:
    status, out, _ = command("sql", VALUES, "--format", "csv")
    assert status == 0
    assert out.splitlines()[1] == (
        '2026,true,0.1,[0.1],,"",2021-05-14T20:25:19Z,2021-05-14,12345678901234567.89,nan,'
        '"{""a"":1,""b"":[2]}",YQ==,170141183460469231731687303715884105727'
    )


def test_json_lines_are_json_with_exact_numbers_and_without_nan(command: Command) -> None:
    _, out, _ = command("sql", VALUES, "--format", "json")
    assert '"money":12345678901234567.89' in out
    found = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert (found["year"], found["yes"], found["small"], found["several"]) == (
        *(2026, True, 0.1),
        [0.1],
    )
    assert (found["nothing"], found["blank"], found["wrong"]) == (None, "", None)
    assert (found["at"], found["day"]) == ("2021-05-14T20:25:19Z", "2021-05-14")
    assert (found["nested"], found["bytes"]) == ({"a": 1, "b": [2]}, "YQ==")
    assert found["big"] == 2**127 - 1


def test_a_table_shows_values_without_separators_and_null_apart(command: Command) -> None:
    _, out, _ = command("sql", "SELECT 2026 AS year, false AS no, NULL AS nothing, '' AS blank")
    assert out.split()[-3:] == ["2026", "false", "NULL"]


def test_columns_of_one_name_all_come_to_json(command: Command) -> None:
    _, out, _ = command("sql", "SELECT 1 AS a, 2 AS a", "--format", "json")
    assert json.loads(out) == {"a": 1, "a_1": 2}


def test_a_table_ends_after_200_rows_and_says_how_many_there_are(command: Command) -> None:
    _, out, err = command("sql", "FROM range(5000)")
    assert "199" in out.split()
    assert "200" not in out.split()
    assert "Showing 200 of 5,000 rows" in err
    _, out, err = command("sql", "FROM range(5000)", "--all")
    assert ("4999" in out.split(), err) == (True, "")


@pytest.mark.parametrize("form", ["csv", "json"])
def test_rows_are_written_as_they_come(command: Command, form: str) -> None:
    """Never all of them in memory: the first are out before a later one fails."""
    query = "SELECT if(range < 400000, range, error('too late')) AS n FROM range(500000)"
    status, out, err = command("sql", query, "--format", form)
    assert (status, "too late" in err) == (2, True)
    assert len(out.splitlines()) > 1000


def test_who_stops_reading_an_answer_gets_no_noise(tmp_path: Path) -> None:
    etl = Etl({"MEETING_ETL_DATA_DIR": str(tmp_path)})
    catalog.publish(etl.files, etl.lake)
    call = [sys.executable, "-m", "meeting_etl.cli.main", "sql", "FROM range(1000000)"]
    with subprocess.Popen(
        [*call, "--format", "csv"],
        env={"PATH": os.environ["PATH"], "MEETING_ETL_DATA_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"range\n"
        process.stdout.close()
        err = process.stderr.read().decode()
    assert (process.returncode, err) == (1, "")


def test_several_statements_are_refused(command: Command) -> None:
    status, out, err = command("sql", "SELECT 1; SELECT 2")
    assert (status, out) == (2, "")
    assert "Give one SQL statement, not 2." in err


def test_a_query_that_is_not_utf_8_is_wrong_usage(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, _, err = command("sql", os.fsdecode(b"SELECT '\xff'"))
    assert (status, "The query is not UTF-8." in err) == (2, True)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"SELECT '\xff'"), "utf-8"))
    status, _, err = command("sql")
    assert (status, "The query is not UTF-8." in err) == (2, True)


def test_control_characters_stay_in_csv_and_are_escapes_in_json(command: Command) -> None:
    query = "SELECT 'a' || chr(27) || '[2J' || chr(8238) || chr(155) AS name"
    _, out, _ = command("sql", query, "--format", "csv")
    assert out == "name\na\x1b[2J\u202e\x9b\n"
    _, out, _ = command("sql", query, "--format", "json")
    assert out == '{"name":"a\\u001b[2J\\u202e\\u009b"}\n'
    _, out, _ = command("sql", query)
    assert r"a\x1b[2J\u202e\x9b" in out


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1",
        "https://webexapis.com:99999/v1",
        "https://webex apis.com/v1",
        "https://webexapis.com/v1\n",
        "https://webexapis..com/v1",
        f"https://{'a' * 64}.example/v1",
        "ftp://webexapis.com/v1",
        "webexapis.com/v1",
        "https://",
        "https://webexapis.com/v1?x=1",
        "http://webexapis.com/v1",
    ],
)
def test_a_wrong_base_url_is_one_sentence_that_names_it(command: Command, url: str) -> None:
    status, _, err = command("status", WEBEX_BASE_URL=url)
    assert (status, "WEBEX_BASE_URL" in err, "Traceback" in err) == (2, True, False)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:80/v1", "http://[::1]:80", "http://localhost/v1"]
)
def test_plain_http_is_for_this_machine(url: str) -> None:
    assert read_settings({"WEBEX_BASE_URL": url}).base_url == url


def test_a_password_in_a_wrong_url_is_not_quoted(command: Command) -> None:
    _, _, err = command("status", WEBEX_BASE_URL="http://me:planted-secret@webex.example/v1")
    assert "planted-secret" not in err


@pytest.mark.parametrize("url", ["http://[x", "https://x.example:70000", "http://hooks.example/x"])
def test_a_wrong_target_is_one_sentence(command: Command, url: str) -> None:
    status, _, err = command("webhooks", "create", "--target-url", url)
    assert (status, "--target-url" in err, "Traceback" in err) == (2, True, False)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_used_are_wrong_settings(
    command: Command, tmp_path: Path, content: str | None
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    token = {"WEBEX_ACCESS_TOKEN": "x" * 20, "WEBEX_BASE_URL": "http://127.0.0.1:9/v1"}
    status, _, err = command("webhooks", "list", REQUESTS_CA_BUNDLE=str(bundle), **token)
    assert status == 2
    assert f"REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names {bundle}, which" in err


@pytest.mark.parametrize("name", ["receive", "dev", "sandbox"])
@pytest.mark.parametrize("port", ["-1", "70000"])
def test_a_port_that_is_none_is_wrong_usage(command: Command, name: str, port: str) -> None:
    assert command(name, "--port", port)[0] == 2


def test_a_whole_number_is_a_number_in_the_settings_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[reconcile]\nmost_missed_share = 0\n")
    assert read_settings({"MEETING_ETL_SETTINGS": str(file)}).most_missed_share == 0.0


def test_a_wrong_key_of_the_settings_file_is_named_with_its_value(
    command: Command, tmp_path: Path
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('[fetch]\nthreads = "many"\n')
    status, _, err = command("status", MEETING_ETL_SETTINGS=str(file))
    assert status == 2
    assert "[fetch] threads must be a whole number, but is 'many'" in err


@pytest.mark.parametrize("name", ["after_end_seconds", "after_event_seconds"])
def test_an_attempt_that_no_date_could_have_is_refused(
    command: Command, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(f"[settling]\n{name} = [900, 31622400]\n")
    assert command("status", MEETING_ETL_SETTINGS=str(file))[0] == 0
    file.write_text(f"[settling]\n{name} = [900, 31622401]\n")
    status, _, err = command("status", MEETING_ETL_SETTINGS=str(file))
    assert (status, f"[settling] {name}: each entry must be at most 31622400" in err) == (2, True)


def test_a_rate_below_one_request_a_minute_is_refused(command: Command) -> None:
    status, _, err = command("status", WEBEX_REQUESTS_PER_MINUTE="1e-300")
    assert (status, "must be 0 or at least 1" in err) == (2, True)


def test_a_full_disk_behind_stdout_is_one_sentence(command: Command) -> None:
    with Path("/dev/full").open("w") as full:
        before, sys.stdout = sys.stdout, full
        try:
            status, _, err = command("sql", "SELECT 1 AS a", "--format", "csv")
        finally:
            sys.stdout = before
    assert (status, err) == (1, "Error: Cannot write the output: No space left on device.\n")


def test_answers_go_to_a_terminal_that_is_not_utf_8(command: Command) -> None:
    before, sys.stdout = sys.stdout, io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    try:
        status, _, err = command("sql", "SELECT '李' AS name")
        sys.stdout.flush()
        written = sys.stdout.buffer.getvalue()
    finally:
        sys.stdout = before
    assert (status, err) == (0, "")
    assert rb"\u674e" in written


def test_without_a_terminal_what_hurts_needs_yes(command: Command, tmp_path: Path) -> None:
    status, _, _ = command("prune", "--older-than", "400d")
    assert status == 0  # nothing is there: nothing to ask
    day = date(2021, 5, 14)
    media = tmp_path / f"transcripts/date={day}"
    media.mkdir(parents=True)
    (media / "one.vtt").write_text("WEBVTT\n")
    status, out, err = command("prune", "--older-than", "400d")
    assert (status, "--yes" in err, "To remove" in out) == (2, True, True)
    assert (media / "one.vtt").exists()
    assert command("prune", "--older-than", "400d", "--yes")[0] == 0
    assert not (media / "one.vtt").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("retry", "--status", "ready"),
        ("run", "--refetch", "--from", "2021-05-14", "--to", "2021-05-14"),
    ],
)
def test_what_asks_for_much_again_needs_yes(
    command: Command, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    ledger, day = Etl({"MEETING_ETL_DATA_DIR": str(tmp_path)}).ledger, date(2021, 5, 14)
    some = [WorkItem(f"m{n}", "recordings", status="ready", settled=True) for n in range(1001)]
    ledger.record(day, some)
    status, _, err = command(*arguments)
    assert (status, "This fetches 1,001 items again. Continue?" in err) == (2, True)
    assert "--yes" in err
    assert all(pair.settled for pair in ledger.items(day))


def test_a_refetch_names_its_first_day(command: Command) -> None:
    status, _, err = command("run", "--refetch", "--to", "2021-05-14")
    assert (status, "--refetch needs --from" in err) == (2, True)


@pytest.mark.parametrize(("said", "goes_on"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_whoever_sits_at_the_terminal_is_asked(
    monkeypatch: pytest.MonkeyPatch, said: str, *, goes_on: bool
) -> None:
    master, slave = pty.openpty()
    os.write(master, said.encode())
    with os.fdopen(slave) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        if goes_on:
            confirm("Continue?")
        else:
            with pytest.raises(SystemExit, match="1"):
                confirm("Continue?")
    os.close(master)


@pytest.mark.parametrize("name", [os.fsdecode(b"a\xff"), "a" * 300])
def test_a_data_folder_that_no_file_can_lie_in_is_one_sentence(
    command: Command, tmp_path: Path, name: str
) -> None:
    """DuckDB takes paths in UTF-8 only."""
    for arguments in (("run",), ("sql", "SELECT 1")):
        status, _, err = command(*arguments, MEETING_ETL_DATA_DIR=str(tmp_path / name))
        assert (status, "which is not a usable path" in err) == (2, True)


def test_a_data_folder_that_is_a_file_is_one_sentence(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for arguments in (("status",), ("run",), ("sql", "SELECT 1"), ("prune", "--older-than", "9d")):
        status, _, err = command(*arguments, MEETING_ETL_DATA_DIR=str(file))
        assert (status in (1, 2), "Traceback" in err, str(file) in err) == (True, False, True)
