"""`dev`: the Dagster UI and daemon.

Belongs here: the command, its port, the instance. Does not: the processes (dagster_processes.py).
"""

import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from meeting_etl.addresses import is_loopback
from meeting_etl.cli import display
from meeting_etl.cli.context import CommandContext, pass_context
from meeting_etl.cli.listening import address, warn_if_reachable
from meeting_etl.cli.options import PORT
from meeting_etl.errors import SettingsError
from meeting_etl.lake.moved import check_in_use

if TYPE_CHECKING:
    from meeting_etl.settings import Etl

UI_LOCK = "dev"


@click.command()
@click.option("--port", type=PORT, default=3000, show_default=True, help="Port of the UI.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of the UI.")
@click.option(
    "--insecure",
    is_flag=True,
    help="Let other machines reach the UI, which has no login: each can start runs and see data.",
)
@pass_context
def dev(context: CommandContext, /, port: int, host: str, *, insecure: bool) -> None:
    """Serve the Dagster UI and its daemon, until interrupted.

    The daemon ingests new webhook log lines within seconds and launches runs for days with due
    work; start backfills in the UI. `meeting-etl run` uses the same Dagster instance: DAGSTER_HOME,
    or dagster/ in the data folder. With MEETING_ETL_TENANTS all tenants are served.

    Exit status: 0 after Ctrl-C; 1 if Dagster stopped by itself; 2 wrong usage or configuration.
    """
    if not insecure and not is_loopback(host):
        raise click.UsageError(
            f"{host} can be reached from other machines, and the UI has no login: anyone who "
            "reaches it can start runs and see data. Put a proxy with a login in front of the "
            "default address (docs/deployment.md), or add --insecure."
        )
    context.dagster_home  # noqa: B018 - tenants need one
    sys.exit(serve(_etls(context), context.environ, host, port))


def _etls(context: CommandContext) -> "list[Etl]":
    """Those of all tenants. One whose settings are wrong does not keep others from being served."""
    from meeting_etl.settings import Etl

    found = []
    for tenant in context.tenants():
        etl = Etl.of(tenant, context.clock)
        try:
            etl.settings  # noqa: B018 - reading them checks them
        except SettingsError as error:
            if not tenant.name:
                raise
            display.complain(str(error))
        else:
            found.append(etl)
    if not found:
        raise SettingsError("The settings of no tenant can be read.")
    return found


def serve(etls: "Sequence[Etl]", environ: Mapping[str, str], host: str, port: int) -> int:
    """Serve the UI of these data folders until interrupted; returns the exit status."""
    from meeting_etl.cli.dagster_processes import serve_ui
    from meeting_etl.orchestration.instance.instance import dagster_home, open_instance
    from meeting_etl.orchestration.instance.instance_folder import path_for_dagster

    for etl in etls:
        check_in_use(etl.storage)
    check_port(host, port)
    warn_if_reachable(
        host, "The UI has no login: anyone who reaches it can start runs and see data."
    )
    home = dagster_home(etls[0].files, environ.get("DAGSTER_HOME"))
    folders = {
        "MEETING_ETL_DATA_DIR": str(etls[0].settings.location),
        "MEETING_ETL_WORK_DIR": str(etls[0].settings.data_dir),
    }
    variables = {
        **environ,
        **(folders if not etls[0].tenant else {}),
        "DAGSTER_HOME": str(path_for_dagster(home)),
        "DAGSTER_DISABLE_TELEMETRY": "1",
    }
    with ExitStack() as stack:
        for etl in etls:
            # Dagster would run two daemons, whose ticks launch the same runs.
            if stack.enter_context(etl.state.lock_if_free(UI_LOCK)) is None:
                whose = f"tenant {etl.tenant}" if etl.tenant else "this data folder"
                raise SettingsError(f"The Dagster UI of {whose} is running already.")
        # Complete before several processes open it: they would create its storages concurrently,
        # which breaks them.
        open_instance(home).dispose()
        display.say(f"Starting Dagster, instance {home}")
        return serve_ui(variables, home, host, port, etls[0].clock)


def check_port(host: str, port: int) -> None:
    """Report a port that is in use before any process starts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"Cannot listen on {address(host, port)}: {error.strerror}. Choose another --port."
            ) from error
