"""Standard input, output and error: closed by a scheduler, written to by libraries."""

import os
import subprocess
import sys

import pytest

from meeting_etl.cli import streams


def test_streams_that_were_closed_are_empty_and_drop_what_is_written() -> None:
    with pytest.MonkeyPatch.context() as patched:
        for name in ("stdin", "stdout", "stderr"):
            patched.setattr(sys, name, None)
        streams.prepare()
        opened = [sys.stdin, sys.stdout, sys.stderr]
    assert opened[0].read() == ""
    for stream in opened[1:]:
        stream.write("a table\n")
        stream.flush()
        assert os.path.sameopenfile(stream.fileno(), opened[0].fileno())
    for stream in opened:
        stream.close()


def test_a_library_that_logs_what_interrupts_it_writes_no_traceback() -> None:
    """SQLAlchemy does, when Ctrl-C comes while it closes a connection."""
    script = """
import logging
import sqlite3
from sqlalchemy import create_engine, pool, text
from meeting_etl.cli import streams

class Connection(sqlite3.Connection):
    def close(self):
        super().close()
        raise ends

streams.prepare()
for ends in (ValueError("a fault"), KeyboardInterrupt()):
    factory = lambda: sqlite3.connect(":memory:", factory=Connection)
    engine = create_engine("sqlite://", creator=factory, poolclass=pool.NullPool)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except KeyboardInterrupt:
        logging.getLogger("a.library").warning("interrupted")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Exception closing connection") == 1
    assert "ValueError: a fault" in done.stderr
    assert "KeyboardInterrupt" not in done.stderr
    assert done.stderr.splitlines()[-1] == "interrupted"
