"""Standard input, output and error as a scheduler may leave them: closed."""

import os
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
