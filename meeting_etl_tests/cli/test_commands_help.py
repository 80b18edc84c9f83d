"""What a user reads before anything runs: short, whole at 80 columns, and quick to come."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from meeting_etl.cli.commands import COMMANDS
from meeting_etl.cli.main import cli
from meeting_etl.settings.variables import VARIABLES

HEAVY = ("dagster", "duckdb", "pyarrow", "numpy", "pandas", "requests", "bs4", "rich", "uvicorn")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_where_the_list_says(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name


def test_the_list_of_commands_is_whole_at_80_columns() -> None:
    assert max(map(len, COMMANDS.values())) <= 45
    shown = CliRunner().invoke(cli, ["--help"], env={"COLUMNS": "80"}).output
    for entries in (COMMANDS, VARIABLES):
        width = max(map(len, entries))
        for name, text in entries.items():
            assert f"  {name.ljust(width)}  {text}\n" in shown


def test_a_command_that_does_not_exist_is_wrong_usage() -> None:
    done = CliRunner().invoke(cli, ["nonsense"])
    assert (done.exit_code, "No such command 'nonsense'" in done.output) == (2, True)


def test_the_help_loads_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from meeting_etl.cli.main import cli\n"
        "assert CliRunner().invoke(cli, ['--help']).exit_code == 0\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert not set(HEAVY) & set(done.stdout.split())


def test_status_loads_only_what_reads_tables(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from meeting_etl.cli.main import main\n"
        "main(['status'])\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PATH": os.environ["PATH"], "MEETING_ETL_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stderr.splitlines()[-1].split())
    assert "pyarrow" in loaded
    assert not {"dagster", "duckdb", "numpy", "pandas", "requests", "bs4", "uvicorn"} & loaded
