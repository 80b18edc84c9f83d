"""Another machine: a network namespace that reaches a PostgreSQL server over a link to be cut."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from meeting_etl_tests.cluster.postgres_server import postgres_server

# Of this process, so that several test runs do not take each other's.
_NAMESPACE, _OURS, _THEIRS = (f"metl-{letter}-{os.getpid()}" for letter in "nab")
_NETWORK = f"10.231.{os.getpid() % 251}"
INSIDE = ["ip", "netns", "exec", _NAMESPACE]
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="network namespaces need root")


@contextmanager
def server_over_a_link() -> Iterator[str]:
    """The URL of a server with our tables."""
    from meeting_etl.postgres.database import Database
    from meeting_etl.postgres.schema import migrate

    made = shutil.which("ip") and subprocess.run(["ip", "netns", "add", _NAMESPACE], check=False)
    if not made or made.returncode:
        pytest.skip("network namespaces are not allowed here")
    try:
        _ip("link", "add", _OURS, "type", "veth", "peer", "name", _THEIRS, "netns", _NAMESPACE)
        _ip("addr", "add", f"{_NETWORK}.1/24", "dev", _OURS)
        _ip("link", "set", _OURS, "up")
        _ip("-n", _NAMESPACE, "addr", "add", f"{_NETWORK}.2/24", "dev", _THEIRS)
        _ip("-n", _NAMESPACE, "link", "set", "lo", "up")
        set_link("up")
        with postgres_server(f"{_NETWORK}.1") as url:
            migrate(Database(url))
            yield url
    finally:
        _ip("netns", "del", _NAMESPACE)


def set_link(state: str) -> None:
    """Cut it (`down`) or heal it (`up`)."""
    _ip("-n", _NAMESPACE, "link", "set", _THEIRS, state)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
