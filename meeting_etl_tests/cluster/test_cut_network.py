"""A cut network: the holder of a lock knows before the server gives the lock to another."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from meeting_etl_tests.cluster.kinds import pg_state
from meeting_etl_tests.cluster.postgres_server import VARIABLE, postgres_server

NAMESPACE, OURS, THEIRS = "metl-holder", "metl-a", "metl-b"
ADDRESS = "10.231.7.1"
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
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(os.getuid() != 0, reason="network namespaces need root"),
]


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


@pytest.fixture
def url() -> Iterator[str]:
    """A server that a namespace of its own reaches over a link."""
    subprocess.run(["ip", "netns", "del", NAMESPACE], check=False, stderr=subprocess.DEVNULL)
    ip("netns", "add", NAMESPACE)
    try:
        ip("link", "add", OURS, "type", "veth", "peer", "name", THEIRS, "netns", NAMESPACE)
        ip("addr", "add", f"{ADDRESS}/24", "dev", OURS)
        ip("link", "set", OURS, "up")
        ip("-n", NAMESPACE, "addr", "add", "10.231.7.2/24", "dev", THEIRS)
        ip("-n", NAMESPACE, "link", "set", THEIRS, "up")
        with postgres_server(ADDRESS) as url:
            yield url
    finally:
        ip("netns", "del", NAMESPACE)


def test_the_holder_knows_first(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from meeting_etl.postgres.database import Database
    from meeting_etl.postgres.schema import migrate

    migrate(Database(url))
    monkeypatch.setenv(VARIABLE, url)
    command = ["ip", "netns", "exec", NAMESPACE, sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        state = pg_state(tmp_path)
        assert state.is_locked("day-2026-03-02")
        cut_at = time.monotonic()
        ip("-n", NAMESPACE, "link", "set", THEIRS, "down")
        assert holder.stdout.readline() == "lost\n"
        lost_after = time.monotonic() - cut_at
        assert state.is_locked("day-2026-03-02"), "nobody else can have it yet"
        with state.lock("day-2026-03-02"):
            free_after = time.monotonic() - cut_at
        holder.kill()
    assert lost_after < 12.5
    assert lost_after < free_after < 25
