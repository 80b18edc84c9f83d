"""A RabbitMQ server of the tests' own, on free ports."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from meeting_etl_tests.ports import free_port
from meeting_etl_tests.served_ui import wait_until

_USER = "rabbitmq"
# Debian's package; the program on the path insists on the system's own folders.
_PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmq-server"
_SETTINGS = Path(__file__).parents[2] / "deploy" / "cluster" / "rabbitmq.conf"


@dataclass
class RabbitmqServer:
    """A server on this address. It runs as another user where we are root, and on one core."""

    address: str
    port: int
    folder: Path
    epmd_port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"pyamqp://guest:guest@{self.address}:{self.port}//"

    def start(self) -> None:
        """Start it and wait until it answers."""
        run: list[str] = []
        if os.getuid() == 0:
            shutil.chown(self.folder, _USER, _USER)
            run = ["runuser", "-u", _USER, "--"]
        settings = self.folder / "rabbitmq.conf"
        settings.write_text(
            f"listeners.tcp.1 = {self.address}:{self.port}\nloopback_users = none\n"
            f"{_SETTINGS.read_text()}"
        )
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                [*run, _PROGRAM],
                env=self._environ(settings),
                cwd=self.folder,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        _wait_for(self.address, self.port, self.process)

    def stop(self) -> None:
        """End it; what is in its queues stays."""
        if self.process is not None:
            # The server is a child of scripts, which a busy machine lets end without it.
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(60)
            wait_until(self._has_ended)

    def _has_ended(self) -> bool:
        assert self.process is not None
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return True
        return False

    @contextmanager
    def down(self) -> Iterator[None]:
        """Stop it, and start it again after the block."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def remove(self) -> None:
        """End what it left behind, and remove its files."""
        subprocess.run(
            ["epmd", "-kill"],
            env=self._environ(self.folder),
            check=False,
            stdout=subprocess.DEVNULL,
        )
        shutil.rmtree(self.folder, ignore_errors=True)

    def _environ(self, settings: Path) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "RABBITMQ_NODENAME": f"metl{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONFIG_FILE": str(settings),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1",
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }


@contextmanager
def rabbitmq_server(address: str = "127.0.0.1") -> Iterator[RabbitmqServer]:
    """A server that has ended when the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="meeting_etl_mq_"))
    server = RabbitmqServer(address, free_port(), folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        server.remove()


def _wait_for(address: str, port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        with suppress(OSError), socket.create_connection((address, port), timeout=1):
            return
        time.sleep(0.2)
    raise TimeoutError("RabbitMQ did not start")
