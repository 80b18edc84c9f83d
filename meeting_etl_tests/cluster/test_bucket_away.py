"""A transient error is another error than one that somebody must correct."""

import socket
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from meeting_etl.errors import StorageError, StorageUnavailable
from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.schemas import MEETINGS
from meeting_etl_tests.cluster.s3_server import url_of
from meeting_etl_tests.lake.test_delta_tables import lake_of

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n", "says 503 Service Unavailable"),
        (b"", ": Connection closed"),
    ],
    ids=["503", "closed"],
)
def test_a_server_that_does_not_work_is_unavailable(
    answer: bytes, cause: str, tmp_path: Path, s3: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def reply(server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        Thread(target=reply, args=(server,), daemon=True).start()
        files, lake = ObjectFiles(url_of(tmp_path)), lake_of(tmp_path)
        for ask in (
            lambda: files.read_bytes("a"),
            lambda: files.replace_bytes("a", b"1"),
            lambda: lake.partitions(MEETINGS),
        ):
            with pytest.raises(StorageUnavailable) as raised:
                ask()
            assert f": {endpoint}{' ' if answer else ''}{cause}. Check" in str(raised.value)
        server.shutdown(socket.SHUT_RDWR)


def test_a_server_that_refuses_is_not(
    tmp_path: Path, s3: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-one")
    files, lake = ObjectFiles(url_of(tmp_path)), lake_of(tmp_path)
    for ask in (lambda: files.read_bytes("a"), lambda: lake.partitions(MEETINGS)):
        with pytest.raises(StorageError, match="403 Forbidden") as raised:
            ask()
        assert not isinstance(raised.value, StorageUnavailable)
