"""`dev`: the Dagster UI and daemon, two child processes that start and stop together.

Belongs here: the command and its processes. Does not: the definitions that they load
(definitions.py).
"""

import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import click

from meeting_etl.cli import display
from meeting_etl.cli.context import CommandContext, pass_context
from meeting_etl.cli.listening import address, warn_if_reachable
from meeting_etl.cli.options import PORT
from meeting_etl.errors import SettingsError

if TYPE_CHECKING:
    from meeting_etl.settings import Etl

_MODULE = "meeting_etl.definitions"


@click.command()
@click.option("--port", type=PORT, default=3000, show_default=True, help="Port of the UI.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of the UI.")
@pass_context
def dev(context: CommandContext, /, port: int, host: str) -> None:
    """Serve the Dagster UI and its daemon, until interrupted.

    The daemon ingests new webhook log lines within a minute and launches runs for days with due
    work; start backfills in the UI. `meeting-etl run` uses the same Dagster instance: DAGSTER_HOME,
    or dagster/ in the data folder.

    Exit status: 0 after Ctrl-C; 1 if Dagster stopped by itself; 2 wrong usage or configuration.
    """
    sys.exit(_serve(context.etl(), context, host, port))


def _serve(etl: "Etl", context: CommandContext, host: str, port: int) -> int:
    """Serve until interrupted or until one of the two ends; returns the exit status."""
    from meeting_etl.orchestration.instance.instance import dagster_home, open_instance
    from meeting_etl.orchestration.instance.instance_folder import path_for_dagster

    _check_port(host, port)
    warn_if_reachable(host, "The UI has no password: anyone who reaches it can start runs.")
    home = dagster_home(etl.files, context.dagster_home)
    # Complete before the two start: both would create its storages concurrently, which breaks them.
    open_instance(home).dispose()
    variables = {
        **context.environ,
        "DAGSTER_HOME": str(path_for_dagster(home)),
        "MEETING_ETL_DATA_DIR": str(etl.settings.data_dir),
        "DAGSTER_DISABLE_TELEMETRY": "1",
    }
    daemon = [sys.executable, "-m", "dagster._daemon", "run", "-m", _MODULE]
    webserver = [sys.executable, "-m", "dagster_webserver", "-m", _MODULE]
    webserver += ["-h", host, "-p", str(port)]
    display.say(
        f"Starting the UI at http://{address(host, port)}; stop it with Ctrl-C. Instance: {home}"
    )
    # A script that starts this with `&` has SIGINT ignored. The children would inherit that, and
    # Dagster treats SIGTERM as it treats SIGINT: nothing could stop them.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    children: list[subprocess.Popen[bytes]] = []
    # Started within, so that no child outlives an early Ctrl-C.
    try:
        for command in (daemon, webserver):
            children.append(subprocess.Popen(command, env=variables))  # noqa: S603, PERF401
        while all(child.poll() is None for child in children):
            etl.clock.sleep(0.5)
    except KeyboardInterrupt:
        return 0
    finally:
        for child in children:
            child.send_signal(signal.SIGINT)
        for child in children:
            child.wait()
    display.complain("Dagster stopped by itself; see its messages above.")
    return 1


def _check_port(host: str, port: int) -> None:
    """Report a port that is in use before two processes start."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"Cannot listen on {address(host, port)}: {error.strerror}. Choose another --port."
            ) from error
