"""`rejected`: the lines of the webhook logs that are not events, and why.

Belongs here: options, and how a line is shown. Does not: finding lines
(pipeline/ingest/rejected_lines.py).
"""

import re
import sys
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

import click

from meeting_etl.cli import display
from meeting_etl.cli.context import CommandContext, pass_context
from meeting_etl.cli.options import DAY, span_of
from meeting_etl.pipeline.ingest.rejected_lines import RejectedLine, rejected_lines
from meeting_etl.schemas import LINK_FIELDS, SECRET_FIELDS
from meeting_etl.webhook_logs.events import RejectionReason
from meeting_etl.webhook_logs.listing import shown
from meeting_etl.webhook_logs.logs import LineFinder

_SHOWN_LINES = 20
_SHOWN_CHARACTERS = 300
_EXCERPT_BYTES = 64 * 1024
_HEADERS = frozenset({"X-Spark-Signature", "Cookie", "Set-Cookie", "Proxy-Authorization"})
_NAMES = "|".join(map(re.escape, sorted(SECRET_FIELDS | LINK_FIELDS | _HEADERS)))
# In JSON, complete or cut off, and in JSON inside strings, whose quotes have backslashes.
_SECRET = re.compile(
    rf"""(\\*")({_NAMES})\1(\s*:\s*)(?:(\\*").*?(?:(?<!\\)\4|\Z)|[\w.+-]+|.*)""", re.I | re.S
)


@click.command("rejected")
@click.option("--raw", is_flag=True, help="Print only the lines, byte for byte as in the log.")
@click.option(
    "--reason",
    "reasons",
    type=click.Choice([reason.value for reason in RejectionReason]),
    multiple=True,
    help="Only lines rejected for this reason. Repeatable.",
)
@click.option("--from", "first", type=DAY, metavar="YYYY-MM-DD", help="First received date (UTC).")
@click.option(
    "--to", "last", type=DAY, metavar="YYYY-MM-DD", help="Last received date; today by default."
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help=f"Maximum number of lines; {_SHOWN_LINES} by default, all with --raw.",
)
@pass_context
def rejected(
    context: CommandContext,
    /,
    first: datetime | None,
    last: datetime | None,
    limit: int | None,
    reasons: tuple[str, ...],
    *,
    raw: bool,
) -> None:
    """Show webhook log lines that are not events, with file, line number and reason.

    Newest received date first; lines without a date last, and not at all with --from or --to.
    Passwords, tokens and links are masked and long lines are cut, unless --raw is given. A line is
    read from its log: if the log is gone or was changed, a message says so.

    \b
    To repair lines, write them to a file, correct it, and only then put it into the webhook logs:
      meeting-etl rejected --raw --reason not_json > repaired.jsonl
      mv repaired.jsonl data/webhook_logs/

    Exit status: 1 if --raw could not print every line.
    """  # noqa: D301 - click wants a real backspace
    etl = context.etl()
    lines = rejected_lines(etl.lake, span_of(first, last, etl.clock), reasons)
    with etl.logs.line_finder() as logs:
        if raw:
            sys.exit(_write_raw(logs, islice(lines, limit)))
        most = limit or _SHOWN_LINES
        count = 0
        for count, line in enumerate(lines, 1):
            if count <= most:
                _show(logs, line)
    left = count - most
    if not count:
        display.say("No rejected lines match.")
    elif left > 0:
        display.say(f"{left:,} more: add --limit {count}, or filter by --reason or date.")


def _write_raw(logs: LineFinder, lines: Iterator[RejectedLine]) -> int:
    status = 0
    for line in lines:
        pieces = line.read(logs)
        if pieces is None:
            display.complain(f"{_place(line)}: {_GONE}")
            status = 1
            continue
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()
    return status


_GONE = "the line is no longer available: its log is gone, unreadable or changed."


def _show(logs: LineFinder, line: RejectedLine) -> None:
    display.answer(
        f"{_place(line)}: {line.reason}: {shown(line.detail)} ({line.byte_length:,} bytes)"
    )
    pieces = line.read(logs)
    display.answer(f"    {_GONE}" if pieces is None else f"    {_excerpt(pieces)}")


def _place(line: RejectedLine) -> str:
    return f"{shown(line.log_file)}:{line.number}"


def _excerpt(pieces: Iterator[bytes]) -> str:
    """The start of a line as a terminal can show it, secrets masked."""
    start = next(pieces, b"")[:_EXCERPT_BYTES].decode(errors="backslashreplace")
    text = shown(_SECRET.sub(r"\1\2\1\3…", start))
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
