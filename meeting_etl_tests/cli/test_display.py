"""Nothing that others wrote does anything on a terminal: it is shown, character by character."""

import ast
import os
import pty
import re
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from meeting_etl.cli import display, formats
from meeting_etl.cli.doctor.command import show
from meeting_etl.cli.doctor.finding import CheckResult, State
from meeting_etl.cli.progress import progress

# Clear the screen, set the window's title, go back over what was said, C1's own escape, a text
# that runs backwards, markup, an emoji's name, a byte of a file name that is no UTF-8.
HOSTILE = "a\x1b[2Jb\x1b]0;title\x07c\rd\x9b1me\u202ef\u2066g[/red][bold]h:warning:\udcff\x7fi\nj"
SHOWN = (
    r"a\x1b[2Jb\x1b]0;title\x07c\rd\x9b1me\u202ef\u2066g[/red][bold]h:warning:\udcff\x7fi"  # then j
)
# What rich itself may write: colours and the end of a line.
ALLOWED = re.compile(r"\x1b\[[0-9;]*m|\r\n")
FORBIDDEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def on_a_terminal(action: Callable[[], object]) -> str:
    """All that reaches the terminal while something is done."""
    master, slave = pty.openpty()
    with (
        os.fdopen(slave, "w", encoding="utf-8") as stream,
        redirect_stdout(stream),
        redirect_stderr(stream),
    ):
        action()
        stream.flush()
        written = os.read(master, 1 << 16)
    os.close(master)
    return written.decode()


WAYS: dict[str, Callable[[], object]] = {
    "say": lambda: display.say(HOSTILE),
    "answer": lambda: display.answer(HOSTILE),
    "complain": lambda: display.complain(HOSTILE),
    "table": lambda: display.show_table("", ["name", "n"], [[HOSTILE, 1]]),
    "title": lambda: display.show_table(HOSTILE, ["name" * 10], [[None]]),
    "column": lambda: display.show_table("", [HOSTILE], [[None]]),
    "records": lambda: display.show_table("", [HOSTILE, "b"], [["x" * 300, "y"]]),
    "csv": lambda: formats.write_csv([HOSTILE], [[HOSTILE]]),
    "doctor": lambda: show([CheckResult("s", HOSTILE, State.PROBLEM, HOSTILE, HOSTILE)]),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_hostile_text_is_shown_and_not_obeyed(way: str) -> None:
    written = on_a_terminal(WAYS[way])
    assert FORBIDDEN.findall(ALLOWED.sub("", written)) == []
    # A narrow screen folds it: what is left in order are its characters.
    letters = re.sub(r"\s+", "", ALLOWED.sub("", written))
    assert SHOWN in letters


@pytest.mark.parametrize("say", [display.say, display.answer, display.complain])
def test_no_part_of_a_sentence_passes_for_a_sentence_of_its_own(
    say: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    say("log x\nError: all is lost")
    written = "".join(capsys.readouterr())
    assert "\n  Error: all is lost" in written


def test_a_value_with_a_newline_stays_one_row(capsys: pytest.CaptureFixture[str]) -> None:
    display.show_table("", ["name", "n"], [["x\ny", 1]])
    assert r"x\ny" in capsys.readouterr().out


def test_a_table_too_wide_for_the_screen_keeps_its_title_and_says_that_it_is_empty(
    capsys: pytest.CaptureFixture[str],
) -> None:
    wide = ["x" * 100, "y" * 100]
    display.show_table("Work items", wide, [])
    display.show_table("Days", wide, [["a", "b"]])
    empty, rows = capsys.readouterr().out.split("Days\n")
    assert "".join(empty.split()) == f"WorkitemsNorows.Columns:{wide[0]},{wide[1]}"
    assert [line.split()[0] for line in rows.splitlines()] == ["row", *wide]


def test_progress_without_a_terminal_is_plain_lines(capfd: pytest.CaptureFixture[str]) -> None:
    with progress() as meter:
        meter(HOSTILE, 1, 2)
    assert capfd.readouterr().err == rf"{SHOWN}\nj: 1 of 2" + "\n"


def test_letters_of_all_scripts_and_joined_emoji_are_shown_as_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = "Zoë, דנה\u200f, مریم\u200cی, 李雷, 👩\u200d💻"
    display.say(names)
    assert capsys.readouterr().err == names + "\n"


def test_nothing_in_the_package_prints_past_the_one_place() -> None:
    """No console of another module, no markup, no print."""
    package = Path(display.__file__).parents[1]
    for path in package.rglob("*.py"):
        if path == Path(display.__file__):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.module not in ("rich.markup", "rich.text"), path
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("print", "Console", "click.echo"), path
