"""A PostgreSQL server of the tests' own, on a free port of 127.0.0.1."""

import os
import pwd
import shlex
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from meeting_etl_tests.cluster.sessions import select
from meeting_etl_tests.ports import free_port

VARIABLE = "TEST_POSTGRES_URL"
# The variable that pytest's option --postgres sets for all products.
ON_POSTGRES: dict[str, str] = {}
ADMIN = "postgres"


@contextmanager
def postgres_server(address: str = "127.0.0.1") -> Iterator[str]:
    """Its URL. It trusts everybody, and runs as another user where we are root."""
    folder = Path(tempfile.mkdtemp(prefix="meeting_etl_pg_"))
    data = folder / "data"
    as_root = os.getuid() == 0
    if as_root:
        user = pwd.getpwnam(ADMIN)
        os.chown(folder, user.pw_uid, user.pw_gid)
    run = ["runuser", "-u", ADMIN, "--"] if as_root else []
    port = free_port()
    # Without a socket in a folder: its path could be too long for one.
    options = f"-c listen_addresses={address} -c port={port} -c unix_socket_directories="
    control = [*run, program("pg_ctl"), "-D", str(data), "-s", "-w"]
    try:
        subprocess.run(
            [*run, program("initdb"), "-D", str(data), "-U", ADMIN, "--auth=trust", "-N"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        with (data / "pg_hba.conf").open("a") as file:
            file.write("host all all samenet trust\n")
        log = str(folder / "log")
        subprocess.run([*control, "-o", options, "-l", log, "start"], check=True)
        try:
            yield f"postgresql+psycopg2://{ADMIN}@{address}:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def own_database(url: str) -> Iterator[str]:
    """The URL of another database of the server, with our tables: it has no runs yet."""
    from meeting_etl.postgres.database import Database
    from meeting_etl.postgres.schema import migrate

    name = f"of_{uuid.uuid4().hex}"
    select(url, f"CREATE DATABASE {name}")
    own = f"{url.rsplit('/', 1)[0]}/{name}"
    migrate(Database(own))
    yield own


def process_of(url: str) -> int:
    """The id of the server's main process."""
    ((data,),) = select(url, "SHOW data_directory")
    return int((Path(data) / "postmaster.pid").read_text().split()[0])


@contextmanager
def postgres_down(url: str, mode: str = "fast") -> Iterator[None]:
    """Stop a server, and start it again after the block; `immediate` is like a crash."""
    ((data,),) = select(url, "SHOW data_directory")
    options = shlex.split((Path(data) / "postmaster.opts").read_text())[3:]
    run = ["runuser", "-u", ADMIN, "--"] if os.getuid() == 0 else []
    control = [*run, program("pg_ctl"), "-D", data, "-s", "-w"]
    subprocess.run([*control, "-m", mode, "stop"], check=True)
    try:
        yield
    finally:
        log = str(Path(data).parent / "log")
        subprocess.run([*control, "-o", shlex.join(options), "-l", log, "start"], check=True)


def program(name: str) -> str:
    """A program of the newest version that is installed, wherever Debian has it."""
    found = shutil.which(name) or next(
        iter(sorted(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), reverse=True)),
        None,
    )
    if found is None:
        raise FileNotFoundError(f"{name} of PostgreSQL: install the Debian package postgresql")
    return found
