"""The systemd units start what there is, as far as systemd itself can say."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from meeting_etl_tests.commands import command

UNITS = sorted((Path(__file__).parents[1] / "deploy" / "systemd").glob("*.service"))
INSTALLED = "/opt/meeting-etl/bin/meeting-etl"


def test_there_is_a_unit_for_the_receiver_and_one_for_dagster() -> None:
    assert [path.name for path in UNITS] == [
        "meeting-etl-dagster.service",
        "meeting-etl-receiver.service",
    ]


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_the_command_has_the_options_that_the_unit_uses(unit: Path) -> None:
    (line,) = [line for line in unit.read_text().splitlines() if line.startswith("ExecStart=")]
    program, name, *options = line.removeprefix("ExecStart=").split()
    assert program == INSTALLED
    assert command(name, *options, "--help").returncode == 0


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_systemd_accepts_the_unit(unit: Path, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("meeting-etl")
    copied = tmp_path / unit.name
    copied.write_text(unit.read_text().replace(INSTALLED, str(program)))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(copied)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
