"""`meeting-etl receive` as its users meet it."""

import re
import signal
import socket
from datetime import date, timedelta
from pathlib import Path

import pytest
import requests

from meeting_etl.pipeline.ingest.ingest import ingest
from meeting_etl.schemas import REJECTED_LINES, WEBHOOK_EVENTS
from meeting_etl.settings import Etl
from meeting_etl.times import utc_day
from meeting_etl_tests.commands import command
from meeting_etl_tests.receiver.served import SECRET, receiving, sign
from meeting_etl_tests.webhook_logs.samples import ended, line

BODY = line(ended())


def address(said: str) -> str:
    found = re.search(r"http://\S+/webhooks/webex", said)
    assert found, said
    return found[0]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_receives_until_it_is_told_to_end(tmp_path: Path, how: signal.Signals) -> None:
    with receiving(tmp_path, WEBEX_WEBHOOK_SECRET=SECRET) as (process, said):
        assert "127.0.0.1" in said
        assert "signatures are checked" in said
        assert str(tmp_path / "webhook_logs") in said
        assert requests.post(address(said), BODY, headers=sign(BODY), timeout=60).status_code == 200
        assert requests.post(address(said), BODY, timeout=60).status_code == 401
        process.send_signal(how)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0
    refusal, ended_line = stderr.splitlines()
    assert refusal.startswith("Refused 1 request: the X-Spark-Signature header is missing")
    assert ended_line == "Stopped. 1 events were stored."
    assert stdout == ""
    assert SECRET not in said
    # That of the hour in which it started has nothing if a new hour has begun since.
    logs = (tmp_path / "webhook_logs").rglob("*.jsonl")
    [log] = (path for path in logs if path.stat().st_size)
    assert re.fullmatch(
        r"(\d{4}-\d\d-\d\d)/webhooks-\1T\d\d\.jsonl",
        log.relative_to(tmp_path / "webhook_logs").as_posix(),
    )
    assert log.read_bytes().endswith(BODY + b"}\n")


def test_where_there_is_a_secret_signatures_are_checked_all_the_same(tmp_path: Path) -> None:
    with receiving(tmp_path, "--insecure", WEBEX_WEBHOOK_SECRET=SECRET) as (_, said):
        assert "signatures are checked" in said
        assert requests.post(address(said), BODY, timeout=60).status_code == 401


def test_the_receiver_of_a_tenant_needs_its_secret_and_no_token(tmp_path: Path) -> None:
    file = tmp_path / "tenants.toml"
    file.write_text(
        '[tenants.acme]\nMEETING_ETL_DATA_DIR = "acme"\n'
        'WEBEX_ACCESS_TOKEN = "env:ACME_TOKEN"\nWEBEX_WEBHOOK_SECRET = "env:ACME_SECRET"\n'
    )
    of_acme = {
        "MEETING_ETL_DATA_DIR": "",
        "MEETING_ETL_TENANTS": str(file),
        "MEETING_ETL_TENANT": "acme",
    }
    with receiving(tmp_path, **of_acme, ACME_SECRET=SECRET) as (_, said):
        assert requests.post(address(said), BODY, headers=sign(BODY), timeout=60).status_code == 200
        assert requests.post(address(said), BODY, timeout=60).status_code == 401
    with receiving(tmp_path, **of_acme) as (_, said):
        assert "WEBEX_WEBHOOK_SECRET: the variable ACME_SECRET is not set." in said


def test_what_was_received_is_what_ingest_reads(tmp_path: Path) -> None:
    with receiving(tmp_path, "--insecure") as (_, said):
        assert "signatures are NOT checked" in said
        for body in (BODY, b"nonsense"):
            assert requests.post(address(said), body, timeout=60).status_code == 200
    etl = Etl({"MEETING_ETL_DATA_DIR": str(tmp_path)})
    report = ingest(etl.logs, etl.lake, etl.ledger, etl.clock)
    assert (report.events, report.rejected) == (1, {"not_json": 1})
    today = utc_day(etl.clock.now())
    for table in (WEBHOOK_EVENTS, REJECTED_LINES):
        [day] = etl.lake.partitions(table)
        assert day is not None
        assert today - date.fromisoformat(day) <= timedelta(days=1)


def test_an_ipv6_address_serves_as_well(tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    with receiving(tmp_path, "--insecure", "--host", "::1") as (_, said):
        assert requests.post(address(said), BODY, timeout=60).status_code == 200


def test_without_a_secret_it_does_not_start(tmp_path: Path) -> None:
    done = command("receive", environ={"MEETING_ETL_DATA_DIR": str(tmp_path)})
    assert done.returncode == 2
    assert "WEBEX_WEBHOOK_SECRET" in done.stderr
    assert "--insecure" in done.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "nowhere.invalid"])
def test_an_address_that_cannot_be_had_is_one_sentence(tmp_path: Path, host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        environ = {"MEETING_ETL_DATA_DIR": str(tmp_path)}
        done = command("receive", "--insecure", "--host", host, "--port", port, environ=environ)
    assert done.returncode == 2
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "webhook_logs").exists()


def test_a_data_folder_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environ = {"MEETING_ETL_DATA_DIR": str(tmp_path / "file")}
    done = command("receive", "--insecure", "--port", "0", environ=environ)
    assert done.returncode == 2
    assert str(tmp_path / "file") in done.stderr
    assert "Traceback" not in done.stderr
