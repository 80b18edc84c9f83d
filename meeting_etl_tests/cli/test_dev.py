"""`meeting-etl dev`, up to its first line."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from meeting_etl_tests.receiver.served import receiving

_DEV = [sys.executable, "-m", "meeting_etl.cli.main", "dev"]


def said(folder: Path, host: str, port: int) -> str:
    """The line that it says first."""
    with subprocess.Popen(
        [*_DEV, "--host", host, "--port", str(port)],
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


def test_who_opens_the_ui_to_others_is_warned(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    line = said(tmp_path, "0.0.0.0", port)  # noqa: S104 - what is warned of
    assert line.startswith("Warning: 0.0.0.0 can be reached from other machines. The UI has")


@pytest.mark.slow
def test_it_ends_though_the_shell_that_started_it_had_sigint_ignored(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    script = f'"{sys.executable}" -m meeting_etl.cli.main dev --port {port} & echo $!; wait'
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
            assert any(b"Serving dagster-webserver" in line for line in lines)
            os.kill(process_id, signal.SIGTERM)
            # Whatever it started has this pipe open, too, so that all of it has ended.
            shell.communicate(timeout=60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)


def test_who_opens_the_receiver_to_others_is_warned(tmp_path: Path) -> None:
    with receiving(tmp_path, "--insecure", "--host", "0.0.0.0") as (_, line):  # noqa: S104
        assert line.startswith("Warning: 0.0.0.0 can be reached from other machines.")
