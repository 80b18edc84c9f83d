"""Behind PgBouncer locks would exclude nobody: a sentence says so, whatever it ignores."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from meeting_etl_tests.cluster.postgres_server import ADMIN
from meeting_etl_tests.commands import command
from meeting_etl_tests.ports import free_port

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
SETTINGS = """
[databases]
postgres = host=127.0.0.1 port={server} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
ignore_startup_parameters = {ignored}
"""
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(PROGRAM is None, reason="needs the Debian package pgbouncer"),
]


@pytest.fixture(
    params=[("transaction", ""), ("transaction", "options"), ("session", "options")],
    ids="-".join,
)
def pooler(postgres: str, request: pytest.FixtureRequest) -> Iterator[str]:
    mode, ignored = request.param
    server, port = postgres.rpartition("/")[0].rpartition(":")[2], free_port()
    with TemporaryDirectory(prefix="meeting_etl_pooler_") as name:
        folder = Path(name)
        folder.chmod(0o755)
        settings = folder / "pgbouncer.ini"
        settings.write_text(
            SETTINGS.format(server=server, user=ADMIN, port=port, mode=mode, ignored=ignored)
        )
        as_user = ["runuser", "-u", ADMIN, "--"] if os.getuid() == 0 else []
        with subprocess.Popen(
            [*as_user, str(PROGRAM), str(settings)], stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            while "process up" not in process.stderr.readline():
                assert process.poll() is None
            yield f"postgresql+psycopg2://{ADMIN}@127.0.0.1:{port}/postgres"
            process.terminate()


def test_a_pooler_is_refused(pooler: str, tmp_path: Path) -> None:
    environ = {"MEETING_ETL_DATA_DIR": str(tmp_path), "MEETING_ETL_STATE": pooler}
    for arguments in (["migrate", "--yes"], ["run"], ["doctor"]):
        done = command(*arguments, environ={"WEBEX_ACCESS_TOKEN": "none", **environ})
        said = " ".join((done.stdout + done.stderr).split())
        assert "is a pooler" in said, said
        assert "name the server itself" in said
        assert done.returncode == 1
