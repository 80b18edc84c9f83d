"""Answers of SQL are exact, as a table, as CSV and as JSON."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from meeting_etl.lake import catalog
from meeting_etl.settings import Etl
from meeting_etl_tests.cli.command_type import Command

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


def test_a_query_may_begin_with_a_comment(command: Command) -> None:
    status, out, _ = command("sql", "-- How many?\nSELECT 7 AS seven", "--format", "csv")
    assert (status, out) == (0, "seven\n7\n")


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


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_ctrl_c_ends_a_query_at_once(tmp_path: Path, form: str) -> None:
    etl = Etl({"MEETING_ETL_DATA_DIR": str(tmp_path)})
    catalog.publish(etl.files, etl.lake)
    target = tmp_path / "answer.parquet"
    slow = "SELECT sum(hash(a.range * b.range)) FROM range(100000) a, range(100000) b"
    to = ["--format", "csv"] if form == "csv" else ["--parquet", str(target)]
    with subprocess.Popen(
        [sys.executable, "-m", "meeting_etl.cli.main", "sql", slow, *to],
        env={"PATH": os.environ["PATH"], "MEETING_ETL_DATA_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not has_open(process, tmp_path / "meetings.duckdb"):
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(1)  # the query runs, for a minute
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (1, "")
    assert err.strip().startswith("Error: Interrupted.")
    assert list(tmp_path.glob("*.parquet*")) == []


def has_open(process: subprocess.Popen[str], path: Path) -> bool:
    """Whether the process has this file open (Linux)."""
    opened = Path(f"/proc/{process.pid}/fd").iterdir()
    return str(path) in {os.path.realpath(descriptor) for descriptor in opened}


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


def test_an_answer_in_parquet_has_all_rows_and_its_types(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "answer's.parquet"
    sql = "SELECT range AS number, TIMESTAMPTZ '2021-05-14 20:25:19+00' AS at FROM range(300)"
    assert command("sql", sql, "--parquet", str(path)) == (0, "", f"Written: {path}\n")
    written = pq.read_table(path)
    assert written.num_rows == 300
    assert [str(kind) for kind in written.schema.types] == ["int64", "timestamp[us, tz=UTC]"]


def test_a_wrong_query_leaves_the_parquet_file_as_it_was(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "answer.parquet"
    path.write_bytes(b"of yesterday")
    for wrong in (
        "SELEC 1",
        "SELECT a",
        "SELECT 1; SELECT 2",
        "SELECT error('late') FROM range(9)",
    ):
        assert command("sql", wrong, "--parquet", str(path))[0] == 2
    assert path.read_bytes() == b"of yesterday"
    assert list(tmp_path.glob(".*")) == []
