"""The command line over an empty lake."""

import io
import sys
from pathlib import Path

import pytest

from meeting_etl.cli.main import main
from meeting_etl.lake import catalog
from meeting_etl.settings import Etl
from meeting_etl_tests.cli.command_type import Command


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Command:
    """The command line over an empty lake: exit status, stdout, stderr."""
    etl = Etl({"MEETING_ETL_DATA_DIR": str(tmp_path)})
    catalog.publish(etl.files, etl.lake)
    monkeypatch.setenv("MEETING_ETL_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    def run(*arguments: str, **variables: str) -> tuple[int | str | None, str, str]:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        status: int | str | None = 0
        try:
            main(arguments)
        except SystemExit as end:
            status = end.code
        written = capfdbinary.readouterr()
        return status, written.out.decode(), written.err.decode()

    return run
