"""`rejected`: the lines of the logs that are no events, and why.

Belongs here: arguments, and how a line is shown. Does not: finding lines
(pipeline/ingest/rejected_lines.py).
"""

import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice

import click

from meeting_etl.cli import display
from meeting_etl.pipeline.ingest.rejected_lines import RejectedLine, rejected_lines
from meeting_etl.schemas import FIRST_DAY, LINK_FIELDS, SECRET_FIELDS
from meeting_etl.settings import Etl
from meeting_etl.times import Span, utc_day
from meeting_etl.webhook_logs.events import RejectionReason
from meeting_etl.webhook_logs.listing import shown
from meeting_etl.webhook_logs.logs import LineFinder

_DAY = click.DateTime(["%Y-%m-%d"])
_SHOWN_LINES = 20
_SHOWN_CHARACTERS = 300
_LOOKED_AT_BYTES = 64 * 1024
_HEADERS = frozenset({"X-Spark-Signature", "Cookie", "Set-Cookie", "Proxy-Authorization"})
_NAMES = "|".join(map(re.escape, sorted(SECRET_FIELDS | LINK_FIELDS | _HEADERS)))
# In JSON, whole or torn, and in JSON within texts, where quotes have backslashes before them.
_SECRET = re.compile(
    rf"""(\\*")({_NAMES})\1(\s*:\s*)(?:(\\*").*?(?:(?<!\\)\4|\Z)|[\w.+-]+|.*)""", re.I | re.S
)


@click.command("rejected")
@click.option(
    "--raw", is_flag=True, help="Write the lines alone, byte for byte as the log has them."
)
@click.option(
    "--reason",
    "reasons",
    type=click.Choice([reason.value for reason in RejectionReason]),
    multiple=True,
    help="Only lines rejected for this reason; may be given several times.",
)
@click.option("--from", "first", type=_DAY, metavar="YYYY-MM-DD", help="First received date, UTC.")
@click.option(
    "--to", "last", type=_DAY, metavar="YYYY-MM-DD", help="Last received date; today by default."
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help=f"At most so many lines; {_SHOWN_LINES} by default, with --raw all.",
)
@click.pass_obj
def rejected(
    etl_of: Callable[[], Etl],
    /,
    first: datetime | None,
    last: datetime | None,
    limit: int | None,
    reasons: tuple[str, ...],
    *,
    raw: bool,
) -> None:
    """Show the lines of the webhook logs that are no events, with file, line number and reason.

    The latest received dates come first, lines without one last; --from and --to leave those out.
    The table rejected_lines holds places and reasons, the lines come from the logs: where a log is
    gone, or has something else in that place, it says so. Passwords, tokens and links are blanked
    out and long lines cut, unless --raw is given.

    \b
    To mend lines and have them read: write them to a file, correct it, put it beside the logs.
      meeting-etl rejected --raw --reason not_json > lines.txt

    Exit status: 1 when --raw could not write every line.
    """  # noqa: D301 - click wants a real backspace
    etl = etl_of()
    lines = rejected_lines(etl.lake, _span(etl, first, last), reasons)
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
        display.say("There are no such lines.")
    elif left > 0:
        display.say(f"{left:,} more: see them with --limit {count}, or choose by --reason or date.")


def _span(etl: Etl, first: datetime | None, last: datetime | None) -> Span | None:
    if first is None and last is None:
        return None
    span = Span(
        first.date() if first else FIRST_DAY,
        last.date() if last else utc_day(etl.clock.now().astimezone(UTC)),
    )
    if span.first > span.last:
        raise click.UsageError(f"--from {span.first} is after --to {span.last}.")
    return span


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


_GONE = "the line is not there any more: its log is gone, cannot be read, or was changed."


def _show(logs: LineFinder, line: RejectedLine) -> None:
    display.answer(
        f"{_place(line)}: {line.reason}: {shown(line.detail)} ({line.byte_length:,} bytes)"
    )
    pieces = line.read(logs)
    display.answer(f"    {_GONE}" if pieces is None else f"    {_excerpt(pieces)}")


def _place(line: RejectedLine) -> str:
    return f"{shown(line.log_file)}:{line.number}"


def _excerpt(pieces: Iterator[bytes]) -> str:
    """The begin of a line as a terminal can show it, without secrets."""
    begin = next(pieces, b"")[:_LOOKED_AT_BYTES].decode(errors="backslashreplace")
    text = shown(_SECRET.sub(r"\1\2\1\3…", begin))
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
