"""The commands, each a few lines; Dagster is imported only inside those that run it.

Belongs here: arguments, exit statuses, reading os.environ. Does not: what is shown (display.py,
report.py), any deed.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, get_args, get_type_hints

import click

from meeting_etl import __version__
from meeting_etl.cli import display
from meeting_etl.cli.options import FORMAT
from meeting_etl.cli.webhooks import webhooks
from meeting_etl.errors import MeetingEtlError, SettingsError
from meeting_etl.pipeline.ledger import RESOURCES
from meeting_etl.pipeline.settling import Status
from meeting_etl.sandbox.faults import Faults
from meeting_etl.schemas import FIRST_DAY
from meeting_etl.settings import VARIABLES, Etl
from meeting_etl.times import Span, utc_day

_DAY = click.DateTime(["%Y-%m-%d"])
_FROM = click.option(
    "--from",
    "first",
    type=_DAY,
    metavar="YYYY-MM-DD",
    help="First day, UTC date on which meetings ended.",
)
_TO = click.option(
    "--to", "last", type=_DAY, metavar="YYYY-MM-DD", help="Last day; today by default."
)
_WORLD = click.option(
    "--world",
    type=click.Choice(["demo", "guide"]),
    default="demo",
    show_default=True,
    help="demo: 300 meetings of an invented sales team; guide: the one meeting of Webex's guide.",
)
_SEED = click.option(
    "--seed", default=1, show_default=True, help="Another seed makes another team."
)
_WIDTH = max(map(len, VARIABLES))
_ENVIRONMENT = "\b\nEnvironment:\n" + "\n".join(
    f"  {name.ljust(_WIDTH)}  {text}" for name, text in VARIABLES.items()
)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=_ENVIRONMENT,
)
@click.version_option(__version__, prog_name="meeting-etl")
def cli() -> None:
    """Webex meetings, recordings, participants and transcripts as tables you can query.

    Start with `meeting-etl demo`, which needs nothing. Then put webhook logs into
    data/webhook_logs, set WEBEX_ACCESS_TOKEN, and say `meeting-etl run`.

    Exit status: 0 all due work came to a definite state; 1 something failed and will be tried
    again, or the run could not go on; 2 usage or configuration.
    """


cli.add_command(webhooks)


@cli.command()
@_FROM
@_TO
@click.option("--refetch", is_flag=True, help="Ask for everything of these days again.")
def run(first: datetime | None, last: datetime | None, *, refetch: bool) -> None:
    """Read new log lines, then fetch what is due, newest day first.

    Without dates: all days that have due work. With dates: the due work of those days. What was
    fetched and is settled is not asked again; to do so all the same, give --refetch.
    """
    etl = _etl()
    asked = _span(etl, first, last)
    if refetch and asked is None:
        raise click.UsageError("--refetch needs --from or --to, the days to ask for again.")
    from meeting_etl.cli.running import run_and_report

    sys.exit(run_and_report(etl, os.environ.get("DAGSTER_HOME"), asked=asked, refetch=refetch))


@cli.command()
def status() -> None:
    """Show how far the logs are read, what is known of each resource, what is due when."""
    from meeting_etl.cli import report

    etl = _etl()
    report.show_logs(etl)
    report.show_ledger(etl)
    report.show_open_work(etl)


@cli.command()
@click.option(
    "--status",
    "statuses",
    type=click.Choice([status.value for status in Status]),
    multiple=True,
    required=True,
    help="Status to try again; may be given several times.",
)
@click.option(
    "--resource",
    "resources",
    type=click.Choice(RESOURCES),
    multiple=True,
    help="Only this resource; may be given several times.",
)
@_FROM
@_TO
def retry(
    statuses: tuple[str, ...],
    resources: tuple[str, ...],
    first: datetime | None,
    last: datetime | None,
) -> None:
    """Open pairs of meeting and resource again, so that the next run asks for them.

    For what was refused while a scope was missing, say, or given up as absent too early:
    `meeting-etl retry --status forbidden`, then `meeting-etl run`.
    """
    etl = _etl()
    asked = _span(etl, first, last)
    days = [day for day in etl.ledger.days() if asked is None or asked.first <= day <= asked.last]
    count = etl.ledger.retry(days, statuses, resources or RESOURCES)
    display.say(f"{count:,} pairs are asked for again by the next run.")


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Write a JSON array, an object a line.")
def doctor(*, as_json: bool) -> None:
    """Look at everything that has to be in order, and say what to do.

    Settings, token, scopes, sites, webhooks, receiver, recordings and transcripts of late, data
    folder, clock, Dagster, open work: each line is ok, a warning, a problem, or skipped. Webex is
    asked a dozen times at most, nothing is changed there.

    Exit status: 0 no problem; 1 a problem; 2 settings that cannot be read.
    """
    from meeting_etl.cli.doctor.examination import run_doctor

    sys.exit(run_doctor(os.environ, as_json=as_json))


@cli.command()
@click.argument("query", required=False)
@FORMAT
def sql(query: str | None, form: str) -> None:
    """Answer a SQL QUERY over the tables; without one, read it from standard input.

    \b
    Examples:
      meeting-etl sql "SELECT date, count(*) FROM meetings GROUP BY date ORDER BY date"
      meeting-etl sql "SELECT * FROM talk_time" --format csv > talk_time.csv
      meeting-etl sql "SHOW TABLES"
    """  # noqa: D301 - click wants a real backspace
    from meeting_etl.lake import catalog

    if query is None:
        if sys.stdin.isatty():
            display.say("Type a query, then end it with Ctrl-D.")
        query = sys.stdin.read()
    if not query.strip():
        raise click.UsageError("Give a query, as an argument or on standard input.")
    names, rows = catalog.query(_etl().settings.data_dir, query)
    if form == "csv":
        display.write_csv(names, rows)
    elif form == "json":
        display.write_json(names, rows)
    else:
        display.show_table("", names, rows)


@cli.command()
@_WORLD
@_SEED
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False),
    default="data/demo",
    show_default=True,
    help="Folder of the demo's data; a demo that is there is replaced.",
)
def demo(world: str, seed: int, data_dir: str) -> None:
    """Show the whole pipeline at work on an embedded Webex; needs no account.

    Writes webhook logs of an invented team, runs the real pipeline against a Webex that is served
    on 127.0.0.1, and ends with the tables and some answers from them.
    """
    from meeting_etl.cli.demo import run_demo

    sys.exit(run_demo(world, seed, data_dir))


def _fault_options(command: Callable[..., None]) -> Callable[..., None]:
    """An option for each knob of the sandbox, with the knob's own words."""
    for knob in reversed(fields(Faults)):
        name = knob.name.replace("_", "-")
        several = isinstance(knob.default, tuple)
        flag = isinstance(knob.default, bool)
        choices = get_args(get_type_hints(Faults)[knob.name]) if knob.name == "retry_after" else ()
        command = click.option(
            f"--{name}" if knob.name != "seed" else "--fault-seed",
            type=str if several else click.Choice(choices) if choices else type(knob.default),
            is_flag=flag,
            multiple=several,
            default=knob.default,
            show_default=not flag and not several,
            help=knob.metadata["help"],
        )(command)
    return command


@cli.command()
@_WORLD
@_SEED
@click.option("--port", default=8787, show_default=True, help="Port on 127.0.0.1; 0 picks one.")
@click.option(
    "--logs", type=click.Path(file_okay=False), help="Also write the webhook logs to this folder."
)
@_fault_options
def sandbox(
    world: str, seed: int, port: int, logs: str | None, fault_seed: int, **knobs: Any
) -> None:
    """Serve an embedded Webex on 127.0.0.1 until interrupted, to try things on.

    It asks for a token, pages, windows and waits as the real one does, and misbehaves as it is
    told to. The lines that it prints set the variables for `meeting-etl run` in another shell; at
    the end it says what it saw.
    """
    try:
        faults = Faults(seed=fault_seed, **knobs)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    from meeting_etl.cli.demo import serve_sandbox

    serve_sandbox(world, seed, port, logs, faults)


@cli.command()
@click.option("--port", default=3000, show_default=True, help="Port of the UI.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of the UI.")
def dev(port: int, host: str) -> None:
    """Serve the Dagster UI with its daemon, until interrupted.

    The schedule reads new log lines every 15 minutes; the sensor launches runs for the days that
    have due work; backfills start in the UI. `meeting-etl run` shares its instance.
    """
    from meeting_etl.cli.dev import serve_dagster

    sys.exit(serve_dagster(_etl(), os.environ, host, port))


def _etl() -> Etl:
    """What the variables say; a wrong one is told before anything slow is loaded."""
    etl = Etl(os.environ)
    etl.settings  # noqa: B018 - reading them checks them
    return etl


def _span(etl: Etl, first: datetime | None, last: datetime | None) -> Span | None:
    """The days asked for; None when none were named."""
    if first is None and last is None:
        return None
    day = Span(
        utc_day(first.replace(tzinfo=UTC)) if first else FIRST_DAY,
        utc_day(last.replace(tzinfo=UTC)) if last else utc_day(etl.clock.now()),
    )
    if day.first > day.last:
        raise click.UsageError(f"--from {day.first} is after --to {day.last}.")
    return day


def main() -> None:
    """Run the command line; known errors become one sentence and an exit status."""
    # Also where DAGSTER_HOME names an instance with settings of its own.
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    try:
        cli.main(standalone_mode=False, obj=_etl)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        display.complain("Interrupted; what was committed stays, the next run goes on from there.")
        sys.exit(1)
    except SettingsError as error:
        display.complain(str(error))
        sys.exit(2)
    except MeetingEtlError as error:
        display.complain(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
