"""The systemd units start what there is, as far as systemd itself can say."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from meeting_etl_tests.commands import command

UNITS = sorted((Path(__file__).parents[1] / "deploy" / "systemd").glob("*.service"))
INSTALLED = "/opt/meeting-etl/bin"
WORKER = next(path for path in UNITS if "@" in path.name)


def command_of(unit: Path) -> list[str]:
    (line,) = [line for line in unit.read_text().splitlines() if line.startswith("ExecStart=")]
    return line.removeprefix("ExecStart=").split()


def test_there_are_units_for_the_receiver_dagster_and_workers() -> None:
    assert [path.name for path in UNITS] == [
        "meeting-etl-dagster.service",
        "meeting-etl-receiver.service",
        "meeting-etl-worker@.service",
    ]


@pytest.mark.parametrize("unit", sorted({*UNITS} - {WORKER}), ids=lambda path: path.stem)
def test_the_command_has_the_options_that_the_unit_uses(unit: Path) -> None:
    program, name, *options = command_of(unit)
    assert program == f"{INSTALLED}/meeting-etl"
    assert command(name, *options, "--help").returncode == 0


@pytest.mark.cluster
def test_celery_has_the_options_that_the_unit_of_workers_uses() -> None:
    program, *options = command_of(WORKER)
    assert program == f"{INSTALLED}/celery"
    done = subprocess.run([sys.executable, "-m", "celery", *options, "--help"], check=False)
    assert done.returncode == 0


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_systemd_accepts_the_unit(unit: Path, tmp_path: Path) -> None:
    copied = tmp_path / unit.name
    # Celery is not installed everywhere; systemd asks only whether there is a program.
    copied.write_text(unit.read_text().replace(command_of(unit)[0], sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(copied)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
