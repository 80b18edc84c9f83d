"""`meeting-etl dev`: what it prints, its processes and their end."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from meeting_etl.cli.context import CommandContext
from meeting_etl.cli.demo_run import emptied
from meeting_etl.cli.main import cli
from meeting_etl.errors import SettingsError
from meeting_etl.files import Files
from meeting_etl.state import LocalState
from meeting_etl_tests.ports import free_port
from meeting_etl_tests.receiver.served import receiving
from meeting_etl_tests.served_ui import ServedUi, processes_of, served_ui, wait_until

EVERY_INTERFACE = "0.0.0.0"  # noqa: S104 - what is refused
_DEV = [sys.executable, "-m", "meeting_etl.cli.main", "dev"]


def said(folder: Path, host: str, port: int, *more: str) -> str:
    """The line that it says first."""
    with subprocess.Popen(
        [*_DEV, "--host", host, "--port", str(port), *more],
        env={"PATH": os.environ["PATH"], "MEETING_ETL_DATA_DIR": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        try:
            return process.stderr.readline()
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


@pytest.fixture
def loopback_6() -> socket.socket:
    try:
        return socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("This machine has no IPv6.")


@pytest.mark.slow
def test_the_ui_listens_on_an_address_of_version_6(
    tmp_path: Path, loopback_6: socket.socket
) -> None:
    port = loopback_6.getsockname()[1]
    with loopback_6:
        taken = said(tmp_path, "::1", port)
    assert taken.startswith(f"Error: Cannot listen on [::1]:{port}: Address already in use")


@pytest.mark.slow
def test_who_opens_the_ui_to_others_is_warned(tmp_path: Path) -> None:
    line = said(tmp_path, EVERY_INTERFACE, free_port(), "--insecure")
    assert line.startswith("Warning: 0.0.0.0 can be reached from other machines. The UI has")


def test_the_ui_is_not_opened_to_others_by_mistake(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shown = CliRunner().invoke(
        cli,
        ["dev", "--host", EVERY_INTERFACE],
        obj=CommandContext({"MEETING_ETL_DATA_DIR": str(folder)}),
    )
    assert shown.exit_code == 2
    assert "0.0.0.0 can be reached from other machines, and the UI has no login" in shown.output
    assert "--insecure" in shown.output
    assert not folder.exists()


@pytest.mark.slow
def test_it_ends_though_the_shell_that_started_it_had_sigint_ignored(tmp_path: Path) -> None:
    script = f'"{sys.executable}" -m meeting_etl.cli.main dev --port {free_port()} & echo $!; wait'
    with subprocess.Popen(
        ["/bin/sh", "-c", script],
        env={"PATH": os.environ["PATH"], "MEETING_ETL_DATA_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as shell:
        assert shell.stdout is not None
        try:
            process_id = int(shell.stdout.readline())
            lines = iter(shell.stdout.readline, b"")
            assert any(line.startswith(b"Dagster UI: ") for line in lines)
            os.kill(process_id, signal.SIGTERM)
            # Whatever it started has this pipe open, too, so that all of it has ended.
            shell.communicate(timeout=60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
    assert processes_of(tmp_path) == []


RELOAD = """
mutation ($name: String!) {
  reloadRepositoryLocation(repositoryLocationName: $name) { __typename }
}"""


@pytest.mark.slow
def test_the_ui_and_the_daemon_share_a_code_server_that_can_be_reloaded(tmp_path: Path) -> None:
    with served_ui({"MEETING_ETL_DATA_DIR": str(tmp_path)}, within=tmp_path) as ui:
        (first,) = code_servers(tmp_path)
        reloaded = ui.ask(RELOAD, name="meeting_etl.definitions")["reloadRepositoryLocation"]
        assert reloaded == {"__typename": "WorkspaceLocationEntry"}
        wait_until(lambda: len(code_servers(tmp_path)) == 1)
        assert code_servers(tmp_path) != [first]
    # Nothing else, no warning in particular; the address comes last, until it is stopped.
    first_words = [line.partition(" ")[0] for line in ui.lines]
    assert first_words == ["Starting", "Output", "Dagster", "Stopping"]
    assert ui.process.returncode == 0
    assert processes_of(tmp_path) == []


def code_servers(folder: Path) -> list[int]:
    """Processes that have loaded the definitions."""
    found = []
    for process_id in processes_of(folder):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if b"dagster\0api\0grpc" in Path(f"/proc/{process_id}/cmdline").read_bytes():
                found.append(process_id)
    return found


TICKS = """
{
  sensorsOrError(repositorySelector: {
    repositoryName: "__repository__", repositoryLocationName: "meeting_etl.definitions"
  }) {
    ... on Sensors { results { sensorState { ticks(limit: 1) { timestamp } } } }
  }
}"""


@pytest.mark.slow
def test_the_ticks_of_sensors_and_what_runs_printed_are_there_after_a_restart(
    tmp_path: Path,
) -> None:
    log = tmp_path / "dagster" / "code_server.log"
    for _ in range(2):
        with served_ui({"MEETING_ETL_DATA_DIR": str(tmp_path)}, within=tmp_path) as ui:
            wait_for_a_tick(ui)
        log.write_text("from a run\n")
    assert "from a run" in log.with_name("code_server.log.1").read_text()


def wait_for_a_tick(ui: ServedUi) -> None:
    since = time.time()
    wait_until(lambda: latest_tick(ui) > since)


def latest_tick(ui: ServedUi) -> float:
    """When the sensor that ticks first last did, in seconds since 1970."""
    ticks = ui.ask(TICKS)["sensorsOrError"]["results"][0]["sensorState"]["ticks"]
    return float(ticks[0]["timestamp"]) if ticks else 0


@pytest.mark.slow
def test_a_data_folder_has_one_daemon(tmp_path: Path) -> None:
    with LocalState(Files(tmp_path)).lock("dev"):
        line = said(tmp_path, "127.0.0.1", free_port())
    assert line == "Error: The Dagster UI of this data folder is running already.\n"


def test_a_demo_that_is_served_is_not_emptied(tmp_path: Path) -> None:
    with LocalState(Files(emptied(tmp_path))).lock("dev"), pytest.raises(SettingsError) as raised:
        emptied(tmp_path)
    assert str(raised.value) == f"The Dagster UI of {tmp_path} is running: stop it first."
    assert emptied(tmp_path) == tmp_path


@pytest.mark.slow
def test_its_processes_end_when_it_is_killed(tmp_path: Path) -> None:
    with served_ui({"MEETING_ETL_DATA_DIR": str(tmp_path)}, within=tmp_path) as ui:
        ui.process.kill()
        ui.process.wait()
        wait_until(lambda: processes_of(tmp_path) == [], seconds=60)


def test_who_opens_the_receiver_to_others_is_warned(tmp_path: Path) -> None:
    with receiving(tmp_path, "--insecure", "--host", "0.0.0.0") as (_, line):  # noqa: S104
        assert line.startswith("Warning: 0.0.0.0 can be reached from other machines.")
