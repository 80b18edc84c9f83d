"""How the doctor's lines are shown: a table, or JSON.

Belongs here: columns and colours. Does not: what was found.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from rich import box
from rich.table import Table

from meeting_etl.cli import display
from meeting_etl.cli.doctor.line import Line, State
from meeting_etl.texts import visible_json

_STYLES = {
    State.OK: "green",
    State.WARNING: "yellow",
    State.PROBLEM: "bold red",
    State.SKIPPED: "dim",
}


def show(lines: Sequence[Line]) -> None:
    """The lines as one table, what to do behind what was found; then a sentence on all of it."""
    table = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("what", overflow="fold")
    table.add_column("state", no_wrap=True)
    table.add_column("found", overflow="fold")
    section = ""
    for line in lines:
        found = display.styled(display.one_line(line.found), "")
        if line.todo:
            found.append(f" → {display.one_line(line.todo)}", "bold")
        table.add_row(
            display.styled(line.section, "bold") if line.section != section else "",
            display.one_line(line.name),
            display.styled(line.state, _STYLES[line.state]),
            found,
        )
        section = line.section
    display.answers.print(table)
    display.say(f"{_counted(lines, State.PROBLEM)}, {_counted(lines, State.WARNING)}.")


def _counted(lines: Sequence[Line], state: State) -> str:
    count = sum(line.state is state for line in lines)
    return f"{count} {state}{'' if count == 1 else 's'}"


def write_json(lines: Sequence[Line]) -> None:
    """A JSON array of objects, each on a line of its own."""
    objects = [visible_json(json.dumps(asdict(line), ensure_ascii=False)) for line in lines]
    sys.stdout.write("[\n" + ",\n".join(objects) + "\n]\n")
