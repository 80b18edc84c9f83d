"""A network of hosts: a namespace for each, with a link of its own to each service.

The address of a service is one of this machine, so that this machine needs no link to it.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest

# Of this process, so that several test runs do not take each other's.
_PROCESS = os.getpid() % 100_000
_NUMBER = _PROCESS % 251


class HostsNetwork:
    """Hosts and services, by their place in these lists."""

    def __init__(self, hosts: Sequence[str], services: Sequence[str]) -> None:
        self._hosts = list(hosts)
        self._services = list(services)

    def address(self, service: str) -> str:
        """Where a service listens, for this machine and all hosts."""
        return f"{self._prefix(service)}.1"

    def inside(self, host: str) -> list[str]:
        """What starts a command on a host."""
        return ["ip", "netns", "exec", self._namespace(host)]

    def set_link(self, host: str, service: str, state: str) -> None:
        """Cut the link (`down`) or heal it (`up`): packets are lost, and neither end notices."""
        _ip("link", "set", self._link(host, service), state)

    @contextmanager
    def made(self) -> Iterator[None]:
        """The network, until the block ends."""
        with ExitStack() as ends:
            for service in self._services:
                self._make_bridge(service, ends)
            for host in self._hosts:
                self._make_host(host, ends)
            yield

    def _make_bridge(self, service: str, ends: ExitStack) -> None:
        bridge = self._bridge(service)
        command = ["ip", "link", "add", bridge, "type", "bridge"]
        if not shutil.which("ip") or subprocess.run(command, check=False).returncode:
            pytest.skip("network namespaces are not allowed here")
        ends.callback(_ip, "link", "del", bridge)
        _ip("addr", "add", f"{self.address(service)}/24", "dev", bridge)
        _ip("link", "set", bridge, "up")

    def _make_host(self, host: str, ends: ExitStack) -> None:
        namespace = self._namespace(host)
        _ip("netns", "add", namespace)
        ends.callback(_ip, "netns", "del", namespace)
        _ip("-n", namespace, "link", "set", "lo", "up")
        for service in self._services:
            link, end = self._link(host, service), f"to-{service[:8]}"
            _ip("link", "add", link, "type", "veth", "peer", "name", end, "netns", namespace)
            _ip("link", "set", link, "master", self._bridge(service), "up")
            address = f"{self._prefix(service)}.{10 + self._hosts.index(host)}/24"
            _ip("-n", namespace, "addr", "add", address, "dev", end)
            _ip("-n", namespace, "link", "set", end, "up")

    def _prefix(self, service: str) -> str:
        return f"10.{232 + self._services.index(service)}.{_NUMBER}"

    def _bridge(self, service: str) -> str:
        return f"metl{_PROCESS}-{self._services.index(service)}"

    def _namespace(self, host: str) -> str:
        return f"metl-{_PROCESS}-{host}"

    def _link(self, host: str, service: str) -> str:
        places = self._hosts.index(host), self._services.index(service)
        return f"metl{_PROCESS}-{places[0]}{places[1]}"


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
