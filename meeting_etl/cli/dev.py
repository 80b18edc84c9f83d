"""The Dagster UI and daemon as two child processes that start and end together.

Belongs here: `dev`. Does not: anything about the pipeline.
"""

import signal
import socket
import subprocess
import sys
from collections.abc import Mapping

from meeting_etl.cli import display
from meeting_etl.cli.listening import address, family, warn_of_others
from meeting_etl.errors import SettingsError
from meeting_etl.orchestration.instance import dagster_home, open_instance
from meeting_etl.orchestration.instance_folder import path_for_dagster
from meeting_etl.settings import Etl

_MODULE = "meeting_etl.definitions"


def serve_dagster(etl: Etl, environ: Mapping[str, str], host: str, port: int) -> int:
    """Serve until interrupted or until one of the two ends; returns the exit status."""
    _check_port(host, port)
    warn_of_others(host, "The UI asks for no password: whoever reaches it can launch and end runs.")
    home = dagster_home(etl.files, environ.get("DAGSTER_HOME"))
    # Whole before the two start: both would create its storages at once, which breaks them.
    open_instance(home).dispose()
    variables = {
        **environ,
        "DAGSTER_HOME": str(path_for_dagster(home)),
        "MEETING_ETL_DATA_DIR": str(etl.settings.data_dir),
        "DAGSTER_DISABLE_TELEMETRY": "1",
    }
    daemon = [sys.executable, "-m", "dagster._daemon", "run", "-m", _MODULE]
    webserver = [sys.executable, "-m", "dagster_webserver", "-m", _MODULE]
    webserver += ["-h", host, "-p", str(port)]
    display.say(
        f"The UI comes up at http://{address(host, port)}; end it with Ctrl-C. Instance: {home}"
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    children: list[subprocess.Popen[bytes]] = []
    # Started within, so that none outlives a Ctrl-C that comes at once.
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
    display.complain("Dagster ended by itself; its lines above say why.")
    return 1


def _check_port(host: str, port: int) -> None:
    """Say that the port is taken before two processes and their lines come up."""
    with socket.socket(family(host)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = error.strerror
            raise SettingsError(
                f"{address(host, port)}: {reason}; name another with --port."
            ) from error
