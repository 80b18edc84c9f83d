"""Mistakes of users end with a sentence and an exit status."""

import os
import pty
import sys
from datetime import date
from pathlib import Path

import pytest

from meeting_etl.cli.options import confirm
from meeting_etl.pipeline.ledger.work_item import WorkItem
from meeting_etl.settings import Etl, read_settings
from meeting_etl_tests.cli.command_type import Command


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


def test_a_data_folder_in_quotes_may_begin_with_the_home_of_the_user(
    command: Command, tmp_path: Path
) -> None:
    status, out, _ = command("status", HOME=str(tmp_path), MEETING_ETL_DATA_DIR="~/etl")
    assert (status, f"{tmp_path}/etl/webhook_logs" in out) == (0, True)
    status, _, err = command("status", MEETING_ETL_DATA_DIR="~no-such-user/etl")
    assert (status, "which is not a usable path" in err) == (2, True)


def test_a_data_folder_that_is_a_file_is_one_sentence(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for arguments in (("status",), ("run",), ("sql", "SELECT 1"), ("prune", "--older-than", "9d")):
        status, _, err = command(*arguments, MEETING_ETL_DATA_DIR=str(file))
        assert (status in (1, 2), "Traceback" in err, str(file) in err) == (True, False, True)
