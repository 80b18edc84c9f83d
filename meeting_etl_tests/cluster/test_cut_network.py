"""A cut network: the holder of a lock knows before the server gives the lock to another."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from meeting_etl_tests.cluster.kinds import pg_state
from meeting_etl_tests.cluster.namespace import INSIDE, needs_root, server_over_a_link, set_link
from meeting_etl_tests.cluster.postgres_server import VARIABLE

HOLDER = """
import sys, time
from pathlib import Path
from meeting_etl.errors import LockLost
from meeting_etl_tests.cluster.kinds import pg_state
with pg_state(Path(sys.argv[1])).lock("day-2026-03-02") as lock:
    print("held", flush=True)
    try:
        while True:
            lock.check()
            time.sleep(0.2)
    except LockLost:
        print("lost", flush=True)
"""
pytestmark = [pytest.mark.cluster, needs_root]


@pytest.fixture
def url() -> Iterator[str]:
    with server_over_a_link() as url:
        yield url


def test_the_holder_knows_first(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, url)
    command = [*INSIDE, sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        state = pg_state(tmp_path)
        assert state.is_locked("day-2026-03-02")
        cut_at = time.monotonic()
        set_link("down")
        assert holder.stdout.readline() == "lost\n"
        lost_after = time.monotonic() - cut_at
        assert state.is_locked("day-2026-03-02"), "nobody else can have it yet"
        with state.lock("day-2026-03-02"):
            free_after = time.monotonic() - cut_at
        holder.kill()
    assert lost_after < free_after < 60
