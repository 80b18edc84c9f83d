"""Which commands there are. A command's module is imported when the command is called.

Belongs here: names, one-line helps, the lists in `meeting-etl --help`. Does not: what a command
does (a file for each command).
"""

from importlib import import_module

import click
from click.exceptions import NoSuchCommand

from meeting_etl.settings.variables import VARIABLES

# No longer than 45 characters: a terminal of 80 columns shows each on one line.
COMMANDS = {
    "demo": "See the pipeline at work; needs no account",
    "run": "Ingest webhook logs and fetch what is due",
    "status": "Show what is ingested, fetched and due",
    "retry": "Reopen work items for the next run",
    "rejected": "Show log lines that are not events",
    "sql": "Query the tables",
    "report": "Write charts into one HTML file",
    "doctor": "Check everything and say what to do",
    "receive": "Receive webhook events",
    "webhooks": "Create, list, repair and delete webhooks",
    "auto-record": "Switch on recording of new meetings",
    "prune": "Remove old meetings",
    "erase": "Forget a person or a meeting, with proof",
    "migrate": "Bring files up to version and policy",
    "dev": "Serve the Dagster UI and daemon",
    "sandbox": "Serve an embedded Webex for tests",
}

# Commands with a folder of their own.
_MODULES = {"doctor": "doctor.command"}


class LazyGroup(click.Group):
    """A group whose command `auto-record` is the object `auto_record` of cli/auto_record.py."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the help."""
        return list(COMMANDS)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """What remains for the command. Says where its options belong."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            where = "Options of a command come after it: meeting-etl COMMAND [OPTIONS]."
            raise click.UsageError(f"{error.format_message()} {where}", ctx) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command and its arguments. The error of a misspelt name suggests those like it."""
        try:
            return super().resolve_command(ctx, args)
        except NoSuchCommand as error:
            # click knows only commands that are imported.
            raise NoSuchCommand(error.command_name, possibilities=COMMANDS, ctx=ctx) from None

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command; None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        module = import_module(f"meeting_etl.cli.{_MODULES.get(name, name)}")
        command: click.Command = getattr(module, name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The environment variables."""
        with formatter.section("Environment"):
            formatter.write_dl(list(VARIABLES.items()))
