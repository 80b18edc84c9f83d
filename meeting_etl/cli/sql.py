"""`sql`: the answer of a query, as a table, CSV, JSON Lines or Parquet.

Belongs here: the query and the form of its answer. Does not: running it (lake/catalog.py), writing
rows (formats.py).
"""

import re
import sys
from pathlib import Path

import click

from meeting_etl.cli import display, formats
from meeting_etl.cli.context import CommandContext, pass_context
from meeting_etl.cli.options import is_given, output_file

_SHOWN_ROWS = 200


class _Sql(click.Command):
    """A command whose argument may begin with a comment, `-- …`, which is no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """What remains of the arguments."""
        return super().parse_args(ctx, [re.sub(r"\A--(?=\s)", " --", arg) for arg in args])


@click.command(cls=_Sql)
@click.argument("words", nargs=-1, metavar="[QUERY]")
@formats.FORMAT
@click.option(
    "--all", "everything", is_flag=True, help=f"Show all rows; a table ends after {_SHOWN_ROWS}."
)
@click.option(
    "--parquet",
    type=click.Path(path_type=Path),
    callback=output_file(".parquet", "Parquet"),
    metavar="FILE",
    help="Write all rows into a Parquet file, with their types.",
)
@pass_context
def sql(
    context: CommandContext,
    /,
    words: tuple[str, ...],
    row_format: str,
    parquet: Path | None,
    *,
    everything: bool,
) -> None:
    """Run a SQL query over the tables. Without QUERY it is read from standard input.

    The dialect is DuckDB's; the catalog is read-only. Values are printed exactly: times in ISO
    8601, bytes in Base64. csv and jsonl are UTF-8. In csv NULL is an empty field and an empty text
    is \"\"; in jsonl NaN and Infinity are null.

    \b
    Examples:
      meeting-etl sql "SHOW TABLES"
      meeting-etl sql "SELECT date, count(*) FROM meetings GROUP BY date ORDER BY date"
      meeting-etl sql "SELECT * FROM talk_time" --format csv > talk_time.csv
      meeting-etl sql "FROM attendance" --parquet attendance.parquet
      echo "FROM meetings LIMIT 5" | meeting-etl sql --format jsonl
    """  # noqa: D301 - click wants a real backspace
    from meeting_etl.lake import catalog

    if len(words) > 1:
        raise click.UsageError('The query is one argument: put it in quotes, as "FROM meetings".')
    query = words[0] if words else None
    if parquet is not None and is_given("row_format"):
        raise click.UsageError("--format and --parquet cannot be combined.")
    if query is None and sys.stdin.isatty():
        display.say("Type a query, then press Ctrl-D.")
    try:
        query = sys.stdin.read() if query is None else query
        query.encode()
    except UnicodeError:
        raise click.UsageError("The query is not UTF-8.") from None
    if not query.strip():
        raise click.UsageError("No query: give one as an argument or on standard input.")
    if parquet is not None:
        etl = context.etl()
        catalog.write_parquet(etl.settings.location, etl.files, query, parquet)
        display.say(f"Written: {parquet}")
        return
    with catalog.stream_query(context.etl().settings.location, query) as (names, rows):
        most = None if everything else _SHOWN_ROWS
        formats.write_rows(row_format, names, rows, most=most)
