"""The processes of the Dagster UI: a code server, and the daemon and the web server that share it.

Belongs here: starting them in order, waiting until the UI answers, and ending all of them. Does
not: the command (dev.py), the definitions that they load (definitions.py).
"""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import yaml

from meeting_etl.cli import display
from meeting_etl.cli.listening import address
from meeting_etl.times import Clock

_MODULE = "meeting_etl.definitions"
_SOCKET = "socket"
_LOG, _FORMER_LOG = "code_server.log", "code_server.log.1"
_END_WITHIN_SECONDS = 30


def serve_ui(environ: Mapping[str, str], home: Path, host: str, port: int, clock: Clock) -> int:
    """Serve until interrupted or until a process ends by itself; returns the exit status."""
    # A script that starts this with `&` has SIGINT ignored. The children would inherit that, and
    # Dagster treats SIGTERM as it treats SIGINT: nothing could stop them.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    log = home / _LOG
    if log.exists():
        # A service manager starts us again at once: why we ended must still be there.
        log.replace(home / _FORMER_LOG)
    try:
        with tempfile.TemporaryDirectory(prefix="meeting-etl-") as folder, _children(clock) as all_:
            code_socket, workspace = Path(folder, _SOCKET), Path(folder, "workspace.yaml")
            # Its output has every debug message of every run.
            with log.open("wb") as output:
                all_.start(_code_server(code_socket), environ, output.fileno())
            all_.wait_until(lambda: _is_listening(code_socket))
            # Relative, and these two in its folder: the UI looks for the ticks of sensors by this
            # address, and would show none after a restart if it had changed.
            server = {"socket": _SOCKET, "location_name": _MODULE}
            workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
            all_.start(_daemon(workspace), environ, within=folder)
            all_.start(_web_server(workspace, host, port), environ, within=folder)
            all_.wait_until(lambda: _answers(host, port))
            display.say(f"Output of the runs: {log}")
            display.say(f"Dagster UI: http://{address(host, port)} (stop it with Ctrl-C)")
            try:
                all_.wait_until(lambda: False)
            except KeyboardInterrupt:
                display.say("Stopping Dagster and its runs.")
                raise
    except KeyboardInterrupt:
        return 0
    except _EndedByItself:
        display.complain(f"Dagster stopped by itself; see its messages above and in {log}.")
        return 1
    return 0


def _code_server(code_socket: Path) -> list[str]:
    """The server that loads our definitions and starts the runs; it can reload them."""
    arguments = ["--module-name", _MODULE, "--socket", str(code_socket)]
    return ["dagster", "code-server", "start", *arguments, "--log-level", "warning"]


def _daemon(workspace: Path) -> list[str]:
    # It warns of what is usual in a new instance.
    return ["dagster._daemon", "run", "--workspace", str(workspace), "--log-level", "error"]


def _web_server(workspace: Path, host: str, port: int) -> list[str]:
    quiet = ["--uvicorn-log-level", "warning", "--dagster-log-level", "warning"]
    listen = ["--host", host, "--port", str(port)]
    return ["dagster_webserver", "--workspace", str(workspace), *listen, *quiet]


def _is_listening(code_socket: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(code_socket)) == 0


def _answers(host: str, port: int) -> bool:
    """Whether the web server answers; it listens on all addresses when the host is one for all."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    connection = HTTPConnection(reachable, port, timeout=5)
    try:
        connection.request("GET", "/server_info")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


class _EndedByItself(Exception):
    """One of the processes has ended although nobody asked it to."""


class _Children:
    """Child processes, each with a process group of its own, which its own children share."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(
        self,
        module: list[str],
        environ: Mapping[str, str],
        output: int | None = None,
        within: str | None = None,
    ) -> None:
        """Run a module; its output goes to the file descriptor `output`, or to the terminal.

        `within` is its working folder.
        """
        self._processes.append(
            subprocess.Popen(  # noqa: S603 - our own arguments
                [sys.executable, "-m", *module],
                env=environ,
                cwd=within,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        )

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds. Raises _EndedByItself when a process ends."""
        while not condition():
            if any(process.poll() is not None for process in self._processes):
                raise _EndedByItself
            self._clock.sleep(0.2)

    def end(self) -> None:
        """Interrupt the groups, the last one first, and wait; then kill what is left of them.

        The code server comes last: its group has the runs, which commit nothing half.
        """
        for process in reversed(self._processes):
            _signal_group(process, signal.SIGINT)
            until = self._clock.monotonic() + _END_WITHIN_SECONDS
            while _signal_group(process, 0) and self._clock.monotonic() < until:
                process.poll()
                self._clock.sleep(0.1)

    def kill(self) -> None:
        """End at once whatever is left."""
        for process in self._processes:
            _signal_group(process, signal.SIGKILL)
            process.wait()


@contextmanager
def _children(clock: Clock) -> Iterator[_Children]:
    """Children that have ended when the block ends; a second Ctrl-C kills them."""
    children = _Children(clock)
    try:
        yield children
    finally:
        try:
            children.end()
        finally:
            children.kill()


def _signal_group(process: "subprocess.Popen[bytes]", number: int) -> bool:
    """Send a signal to the process group, or none if `number` is 0; returns whether it exists."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
        return True
    return False


def _end_with_parent() -> None:
    """Let the kernel send SIGTERM to this child when its parent is killed (Linux only)."""
    if sys.platform == "linux":
        parent_death_signal = 1
        ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGTERM)
