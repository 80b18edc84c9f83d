"""The entry point: assembles the command line and turns errors into exit statuses.

Belongs here: the group, the environment (os.environ is read here and in definitions.py only), exit
statuses. Does not: what commands do (commands.py lists them).
"""

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from meeting_etl import __version__
from meeting_etl.cli import streams
from meeting_etl.cli.commands import LazyGroup
from meeting_etl.cli.context import CommandContext
from meeting_etl.cli.light_pyarrow import light_pyarrow
from meeting_etl.errors import MeetingEtlError, SettingsError

_TRACEBACK = "MEETING_ETL_TRACEBACK"


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="meeting-etl")
def cli() -> None:
    """Webex meetings, recordings, participants and transcripts as tables for SQL.

    \b
    Start with `meeting-etl demo`. For your own meetings:
      1. put webhook logs into data/webhook_logs (or collect them with `receive`)
      2. set WEBEX_ACCESS_TOKEN and check everything with `meeting-etl doctor`
      3. run `meeting-etl run`, then query with `meeting-etl sql`

    \b
    Exit status:
      0  nothing failed
      1  something failed; a later run tries it again
      2  wrong usage or configuration
    """  # noqa: D301 - click wants a real backspace


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, or these arguments; every error becomes a sentence and a status."""
    # Also where DAGSTER_HOME names an instance with settings of its own.
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    streams.prepare()
    context = CommandContext(os.environ)
    try:
        with light_pyarrow():
            cli.main(arguments, "meeting-etl", standalone_mode=False, obj=context)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt) as error:
        # click raises Abort by itself at a question only.
        at_question = isinstance(error, click.Abort) and error.__cause__ is None
        _complain(
            "Interrupted; nothing was changed."
            if at_question
            else "Interrupted. Committed work is kept; give the same command again to continue."
        )
        sys.stdout.flush()
        # Not sys.exit: Python would wait for threads whose requests stall.
        os._exit(1)
    except SettingsError as error:
        _complain(str(error))
        sys.exit(2)
    except MeetingEtlError as error:
        _complain(str(error))
        sys.exit(1)
    except OSError as error:
        streams.drop_unwritten()
        _complain(f"{error.filename or 'Cannot write the output'}: {error.strerror or error}.")
        sys.exit(1)
    except Exception as error:
        if os.environ.get(_TRACEBACK):
            raise
        _complain(_bug(error))
        sys.exit(1)


def _complain(sentence: str) -> None:
    from meeting_etl.cli import display

    display.complain(sentence)


def _bug(error: Exception) -> str:
    """Without the error's own text, which may quote a secret."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"This is a bug; please report it: {type(error).__name__} in {Path(place.filename).name}, "
        f"line {place.lineno}. Set {_TRACEBACK}=1 to see the whole traceback."
    )


if __name__ == "__main__":
    main()
