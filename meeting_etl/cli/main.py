"""The commands, each a few lines; Dagster is imported only inside those that run it.

Belongs here: arguments, exit statuses, reading os.environ. Does not: what is shown (display.py,
report.py), any work.
"""

import os
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import click

from meeting_etl import __version__
from meeting_etl.cli import display
from meeting_etl.cli.auto_record import auto_record
from meeting_etl.cli.migrate import migrate
from meeting_etl.cli.options import FORMAT, PORT, SEED, WORLD, YES, confirm
from meeting_etl.cli.prune import prune
from meeting_etl.cli.rejected import rejected
from meeting_etl.cli.sandbox import sandbox
from meeting_etl.cli.webhooks import webhooks
from meeting_etl.errors import MeetingEtlError, SettingsError
from meeting_etl.pipeline.ledger.work_item import RESOURCES, Status, WorkItem
from meeting_etl.schemas import FIRST_DAY
from meeting_etl.settings import VARIABLES, Etl
from meeting_etl.times import Span, utc_day

_TRACEBACK = "MEETING_ETL_TRACEBACK"
_SHOWN_ROWS = 200
# Some minutes at Webex's usual pace; what a script that repairs a day or two has is less.
_MANY_PAIRS = 1000
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
cli.add_command(auto_record)
cli.add_command(prune)
cli.add_command(migrate)
cli.add_command(rejected)
cli.add_command(sandbox)


@cli.command()
@_FROM
@_TO
@click.option("--refetch", is_flag=True, help="Ask for everything of these days again.")
@click.option(
    "--discover",
    is_flag=True,
    help="First look for meetings of these days of which no webhook told; not with a compliance "
    "officer's token.",
)
@YES
def run(
    first: datetime | None, last: datetime | None, *, refetch: bool, discover: bool, yes: bool
) -> None:
    """Read new log lines, then fetch what is due, newest day first.

    Where the settings ask for it, recording is switched on for meetings that were created.
    Without dates: all days that have due work. With dates: the due work of those days. What was
    fetched and is settled is not asked again; to do so anyway, give --refetch.

    For meetings of a time of which you have no webhook logs, or whose webhook never came:
    --discover lists the ended meetings of the days and adds those that are missing.
    """
    etl = _etl()
    asked = _span(etl, first, last)
    if refetch and first is None:
        raise click.UsageError("--refetch needs --from, the first day to ask for again.")
    if discover and first is None:
        raise click.UsageError("--discover needs --from, the first day to look at.")
    if refetch and asked is not None and not yes:
        _ask_if_much(etl, _days_within(etl, asked), lambda pair: etl.ledger.wants(pair.resource))
    from meeting_etl.cli.running import run_and_report

    home = os.environ.get("DAGSTER_HOME")
    sys.exit(run_and_report(etl, home, asked=asked, refetch=refetch, discover=discover))


@cli.command()
@_FROM
@_TO
def status(first: datetime | None, last: datetime | None) -> None:
    """Show how far the logs are read, what is known of each resource, what is due when.

    Day by day: how many meetings are expected to have the resource, how many are ready, waiting,
    absent, forbidden, gone or failed, when the next of them is asked, and why. Without dates: the
    days that have open work; with dates: those days. The view `coverage` has the same for SQL.
    """
    from meeting_etl.cli import report

    etl = _etl()
    asked = _span(etl, first, last)
    report.show_logs(etl)
    report.show_ledger(etl)
    report.show_open_work(etl)
    days = [*etl.ledger.open_days()]
    if asked is not None:
        days = _days_within(etl, asked)
    if days:
        report.show_days(etl, days)
    report.say_if_the_catalog_is_old(etl)


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
@YES
def retry(
    statuses: tuple[str, ...],
    resources: tuple[str, ...],
    first: datetime | None,
    last: datetime | None,
    *,
    yes: bool,
) -> None:
    """Open pairs of meeting and resource again, so that the next run asks for them.

    For what was refused while a scope was missing, say, or given up as absent too early:
    `meeting-etl retry --status forbidden`, then `meeting-etl run`.
    """
    etl = _etl()
    asked = _span(etl, first, last)
    days = _days_within(etl, asked)

    def is_wanted(pair: WorkItem) -> bool:
        return (
            pair.status in statuses
            and pair.resource in (resources or RESOURCES)
            and etl.ledger.wants(pair.resource)
        )

    if not yes:
        _ask_if_much(etl, days, is_wanted)
    count = etl.ledger.reopen(days, is_wanted)
    display.say(f"{count:,} pairs are asked for again by the next run.")


def _ask_if_much(etl: Etl, days: Iterable[date], wanted: Callable[[WorkItem], bool]) -> None:
    """Before so many items are asked for again that it takes long, and others wait for it."""
    count = sum(wanted(pair) for day in days for pair in etl.ledger.items(day))
    if count > _MANY_PAIRS:
        confirm(f"{count:,} items will be asked for again. Go on?")


def _days_within(etl: Etl, asked: Span | None) -> list[date]:
    """Days that have items, of these days or of all."""
    return [day for day in etl.ledger.days() if asked is None or asked.first <= day <= asked.last]


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
@click.option(
    "--all", "everything", is_flag=True, help=f"Show all rows; a table ends after {_SHOWN_ROWS}."
)
def sql(query: str | None, form: str, *, everything: bool) -> None:
    """Answer a SQL QUERY over the tables; without one, read it from standard input.

    Values are shown as they are, times in ISO 8601, bytes in Base64. csv and json are UTF-8; in csv
    NULL is an empty field and an empty text is \"\"; in json NaN and Infinity are null.

    \b
    Examples:
      meeting-etl sql "SELECT date, count(*) FROM meetings GROUP BY date ORDER BY date"
      meeting-etl sql "SELECT * FROM talk_time" --format csv > talk_time.csv
      meeting-etl sql "SHOW TABLES"
    """  # noqa: D301 - click wants a real backspace
    from meeting_etl.lake import catalog

    if query is None and sys.stdin.isatty():
        display.say("Type a query, then end it with Ctrl-D.")
    try:
        query = sys.stdin.read() if query is None else query
        query.encode()
    except UnicodeError:
        raise click.UsageError("The query is not UTF-8.") from None
    if not query.strip():
        raise click.UsageError("Give a query, as an argument or on standard input.")
    with catalog.stream_query(_etl().settings.data_dir, query) as (names, rows):
        if form == "csv":
            display.write_csv(names, rows)
        elif form == "json":
            display.write_json(names, rows)
        else:
            display.show_rows(names, rows, None if everything else _SHOWN_ROWS)


@cli.command()
@WORLD
@SEED
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False),
    default="data/demo",
    show_default=True,
    help="Folder of the demo's data; a demo that is there is replaced.",
)
@click.option(
    "--live", is_flag=True, help="Play a working day in fast time and watch the tables fill."
)
@click.option(
    "--minutes",
    type=click.FloatRange(0.05, 24 * 60),
    default=1.5,
    show_default=True,
    help="With --live: how long the day takes; the nights after it come on top.",
)
def demo(world: str, seed: int, data_dir: str, *, live: bool, minutes: float) -> None:
    """Show the whole pipeline at work on an embedded Webex; needs no account.

    Writes webhook logs of an invented team, runs the real pipeline against a Webex that is served
    on 127.0.0.1, and ends with the tables and some answers from them.

    With --live nothing is written beforehand: webhooks are registered, events are posted to the
    receiver as the day goes by, and the pipeline runs every few seconds. The days after it pass in
    a few steps, so that what comes late comes too.
    """
    if live and world != "demo":
        raise click.UsageError("--live plays a day of the invented team: leave --world out.")
    if live:
        from meeting_etl.cli.live import run_live

        sys.exit(run_live(seed, data_dir, minutes))
    from meeting_etl.cli.demo import run_demo

    sys.exit(run_demo(world, seed, data_dir))


@cli.command()
@click.option(
    "--port",
    type=PORT,
    default=8080,
    show_default=True,
    help="Port to listen on; 0 picks a free one.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; 0.0.0.0 for all of this machine.",
)
@click.option(
    "--insecure",
    is_flag=True,
    help="Start without WEBEX_WEBHOOK_SECRET and take events of anybody, to try things on; "
    "where it is set, signatures are still checked.",
)
def receive(port: int, host: str, *, insecure: bool) -> None:
    """Receive webhook events and write them to the logs, until interrupted.

    Webex posts to /webhooks/webex, over HTTPS: put a proxy that ends TLS in front, and create the
    webhooks with the secret that WEBEX_WEBHOOK_SECRET holds. An event is answered with 200 once it
    is on disk, in webhook_logs/YYYY-MM-DD/webhooks-YYYY-MM-DDTHH.jsonl (UTC) below
    MEETING_ETL_DATA_DIR, from where `meeting-etl run` reads it. Several receivers may share the
    folder.

    \b
    Answers:
      200  stored, whatever the body holds
      400  no HTTP, or a head above 64 KiB or 128 headers
      401  the signature is missing or wrong     408  the body took longer than 10 seconds
      405  not a POST                            413  the body is above 1 MiB
      503  the disk refused: nothing is acknowledged that could be lost; or too many at once
    \b
    Beside it:
      GET /healthz  200, or 503 when the latest write failed
      GET /metrics  counts and times, in the form that Prometheus reads
      POST /webhooks/webex/probe  200 for a good signature; nothing is stored. `doctor` asks it

    Refusals are said here, each reason once a minute with its count. While the secret is being
    changed, WEBEX_WEBHOOK_SECRET_PREVIOUS is accepted as well.

    SIGTERM and Ctrl-C end it well: what was taken is stored and answered.
    """  # noqa: D301 - click wants a real backspace
    from meeting_etl.cli.receive import serve_receiver

    serve_receiver(_etl(), host, port, insecure=insecure)


@cli.command()
@click.option("--port", type=PORT, default=3000, show_default=True, help="Port of the UI.")
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, or these arguments.

    Whatever fails becomes one sentence and an exit status.
    """
    # Also where DAGSTER_HOME names an instance with settings of its own.
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    display.prepare()
    try:
        cli.main(arguments, standalone_mode=False, obj=_etl, default_map=_defaults())
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        display.complain("Interrupted; what was committed stays, the next run goes on from there.")
        sys.stdout.flush()
        # Not sys.exit: Python would wait for threads whose answers stall.
        os._exit(1)
    except SettingsError as error:
        display.complain(str(error))
        sys.exit(2)
    except MeetingEtlError as error:
        display.complain(str(error))
        sys.exit(1)
    except OSError as error:
        display.drop_unwritten()
        where = error.filename or "Writing the output"
        display.complain(f"{where}: {error.strerror or error}.")
        sys.exit(1)
    except Exception as error:
        if os.environ.get(_TRACEBACK):
            raise
        display.complain(_bug(error))
        sys.exit(1)


def _defaults() -> dict[str, dict[str, str]]:
    """Options of commands in other modules that come from the environment."""
    home = os.environ.get("DAGSTER_HOME")
    return {"prune": {"dagster_home": home}} if home else {}


def _bug(error: Exception) -> str:
    """Without the error's own text: nobody can say what is in it."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"This is a bug; please report it: {type(error).__name__} in {Path(place.filename).name}, "
        f"line {place.lineno}. With {_TRACEBACK}=1 in the environment the whole traceback is shown."
    )


if __name__ == "__main__":
    main()
