"""The sandbox and the demo as commands."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from meeting_etl_tests.commands import command, command_process
from meeting_etl_tests.product import rows
from meeting_etl_tests.served_ui import processes_of, served_ui, wait_until


@pytest.mark.slow
def test_a_demo_replaces_an_earlier_demo_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/precious.txt").write_text("keep")
    done = command_process("demo", "--world", "guide", "--data-dir", str(tmp_path / "mine"))
    assert done.returncode == 2
    assert "--data-dir" in done.stderr
    assert (tmp_path / "mine/precious.txt").read_text() == "keep"
    for _ in range(2):
        done = command_process("demo", "--world", "guide", "--data-dir", str(tmp_path / "demo"))
        assert done.returncode == 0, done.stderr
    for part in (
        "Tables",
        "Work items of",
        "Who attended longest?",
        "Who talked most?",
        "have no recording",
    ):
        assert part in done.stdout
    assert re.search(r"Dagster UI  .*demo --ui\n", done.stderr)


PARTITIONS = """
{ assetNodeOrError(assetKey: {path: ["meetings"]}) { ... on AssetNode { partitionKeys } } }
"""


@pytest.mark.slow
def test_the_sensors_of_the_demo_in_the_ui_fetch_its_meetings(tmp_path: Path) -> None:
    """Its days are the partitions, though the lake was empty when Dagster started.

    Settings of another Webex and another instance, which may be set, are not used.
    """
    others = {"WEBEX_REFRESH_TOKEN": "other", "DAGSTER_HOME": "/nowhere"}
    folder = tmp_path / "demo"
    command = ("demo", "--ui", "--world", "guide", "--data-dir", str(folder))
    with served_ui(others, *command, within=tmp_path) as ui:
        wait_until(lambda: (folder / "meetings.duckdb").exists() and len(rows(folder, "meetings")))
        wait_until(lambda: len(rows(folder, "participants")))
        runs = ui.ask("{ runsOrError { ... on Runs { results { status } } } }")["runsOrError"]
        days = ui.ask(PARTITIONS)["assetNodeOrError"]["partitionKeys"]
    assert days[0] == str(min(row["date"] for row in rows(folder, "meetings")))
    assert "FAILURE" not in [run["status"] for run in runs["results"]]
    assert ui.process.returncode == 0
    assert processes_of(folder) == []


def test_the_demo_is_played_or_served_in_the_ui() -> None:
    done = command("demo", "--live", "--ui")
    assert done.returncode == 2
    assert "--live and --ui cannot be combined" in done.stderr


def test_the_sandbox_serves_what_it_prints_and_says_what_it_saw() -> None:
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "meeting_etl.cli.main",
            "sandbox",
            "--world",
            "guide",
            "--port",
            "0",
            "--fault",
            "media_bytes=5000",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as served:
        assert served.stdout is not None
        assert served.stderr is not None
        try:
            printed = served.stdout.readline() + served.stdout.readline()
            variables = dict(re.findall(r"(\w+)=(\S+)", printed))
            assert variables["WEBEX_TOKEN_KIND"] == "user"
            answer = requests.get(
                variables["WEBEX_BASE_URL"] + "/meetingParticipants",
                params={"meetingId": "501e995485e2460bb129410116757b13_I_194316955237236650"},
                headers={"Authorization": "Bearer " + variables["WEBEX_ACCESS_TOKEN"]},
                timeout=60,
            )
            assert len(answer.json()["items"]) == 2
            found = requests.get(
                variables["WEBEX_BASE_URL"] + "/recordings/724a81a697201039a976005056819cde",
                headers={"Authorization": "Bearer " + variables["WEBEX_ACCESS_TOKEN"]},
                timeout=60,
            ).json()
            link = found["temporaryDirectDownloadLinks"]["recordingDownloadLink"]
            assert len(requests.get(link, timeout=60).content) == 5000
            served.send_signal(signal.SIGINT)
            said = served.stderr.read()
            served.wait(60)
        finally:
            served.kill()
    assert served.returncode == 0
    assert "2 requests; 0 repeated" in said
    assert "1 file downloads, 5,000 bytes" in said
