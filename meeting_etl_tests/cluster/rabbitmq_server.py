"""A RabbitMQ server of the tests' own, on free ports of 127.0.0.1."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from meeting_etl_tests.cluster.postgres_server import free_port

_USER = "rabbitmq"
# Debian's package; the program on the path insists on the system's own folders.
_PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmq-server"
_SETTINGS = Path(__file__).parents[2] / "deploy" / "cluster" / "rabbitmq.conf"


@contextmanager
def rabbitmq_server() -> Iterator[str]:
    """Its URL. It runs as another user where we are root, and on one core."""
    folder = Path(tempfile.mkdtemp(prefix="meeting_etl_mq_"))
    port, epmd_port = free_port(), free_port()
    settings = folder / "rabbitmq.conf"
    settings.write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\n{_SETTINGS.read_text()}")
    run: list[str] = []
    if os.getuid() == 0:
        shutil.chown(folder, _USER, _USER)
        run = ["runuser", "-u", _USER, "--"]
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"metl{port}@localhost",
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_CONFIG_FILE": str(settings),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1",
        "ERL_EPMD_PORT": str(epmd_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
    output = (folder / "output").open("wb")
    try:
        with (
            output,
            subprocess.Popen(
                [*run, _PROGRAM], env=environ, cwd=folder, stdout=output, stderr=output
            ) as process,
        ):
            try:
                _wait_for(port, process)
                yield f"pyamqp://guest:guest@127.0.0.1:{port}//"
            finally:
                process.terminate()
                process.wait(60)
    finally:
        subprocess.run(["epmd", "-kill"], env=environ, check=False, stdout=subprocess.DEVNULL)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.2)
    raise TimeoutError("RabbitMQ did not start")
