import gzip
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from meeting_etl import __version__
from meeting_etl.errors import BadResponse, NotFound
from meeting_etl.times import Clock
from meeting_etl.webex.transport import Limits
from meeting_etl_tests.webex.broken_responses import (
    in_chunks,
    say_nothing,
    stall,
    trickle,
    trickle_chunk,
    trickle_gzip,
    trickle_head,
)
from meeting_etl_tests.webex.conftest import Connect, Serve
from meeting_etl_tests.webex.servers import Act, Reply, Seen, in_turn, running

FINE = Reply({"id": "m1"})
SOON = Limits(connect_seconds=2, read_seconds=0.15, response_seconds=0.3, backoff_seconds=0.01)


# Requests


def test_what_a_request_carries(connect: Connect, serve: Serve) -> None:
    server = serve(lambda seen: FINE)
    client = connect(server.url)
    assert client.get("/meetings/m1", {"hostEmail": "wilma@sales.example"}) == {"id": "m1"}
    client.get("/meetings/m1")
    first, second = server.seen
    assert (first.method, first.path) == ("GET", "/v1/meetings/m1")
    assert first.params == {"hostEmail": "wilma@sales.example"}
    assert first.headers["User-Agent"] == f"meeting_etl/{__version__}"
    assert first.headers["Accept"] == "application/json"
    assert first.headers["Authorization"] == "Bearer given-token"
    assert first.headers["timezone"] is None
    assert first.headers["TrackingID"]
    assert first.headers["TrackingID"] != second.headers["TrackingID"]


def test_a_connection_is_used_again(connect: Connect, serve: Serve) -> None:
    bodies = in_turn(
        FINE,
        Reply({"message": "no"}, 404),
        Reply({"message": "busy"}, 503),
        Reply(gzip.compress(b'{"id": "m1"}'), headers={"Content-Encoding": "gzip"}),
        FINE,
    )
    server = serve(bodies)
    client = connect(server.url)
    client.get("/meetings/m1")
    with pytest.raises(NotFound):
        client.get("/meetings/m1")
    for _ in range(2):
        client.get("/meetings/m1")
    assert len(server.seen) == 5
    assert len({seen.connection for seen in server.seen}) == 1


def test_threads_share_the_client_and_keep_their_connections(
    connect: Connect, serve: Serve
) -> None:
    def answer(seen: Seen) -> Act:
        time.sleep(0.005)
        return Reply({"id": seen.path})

    server = serve(answer)
    client = connect(server.url, clock=Clock())
    paths = [f"/meetings/m{number}" for number in range(240)]
    with ThreadPoolExecutor(24) as threads:
        found = list(threads.map(client.get, paths))
    assert found == [{"id": f"/v1{path}"} for path in paths]
    assert client.requests_sent == 240
    assert len({seen.connection for seen in server.seen}) <= 24


def test_a_compressed_response_is_read(connect: Connect, serve: Serve) -> None:
    plain = json.dumps({"text": "ä" * 100_000}).encode()
    # Two members, one after the other, as gzip allows.
    body = gzip.compress(plain[:777]) + gzip.compress(plain[777:])
    server = serve(lambda seen: Reply(body, headers={"Content-Encoding": "gzip"}))
    assert connect(server.url).get("/meetings/m1") == {"text": "ä" * 100_000}
    assert server.seen[0].headers["Accept-Encoding"] == "gzip"


def test_a_chunked_response_is_read(connect: Connect, serve: Serve) -> None:
    server = serve(lambda seen: in_chunks)
    assert connect(server.url).get("/meetings/m1") == {"id": "m1"}


def test_numbers_beyond_2_to_the_53_stay_exact(connect: Connect, serve: Serve) -> None:
    server = serve(lambda seen: Reply(b'{"n": 194316955237236650, "m": 36893488147419103233}'))
    found = connect(server.url).get("/meetings/m1")
    assert found == {"n": 194316955237236650, "m": 36893488147419103233}


def test_the_content_type_does_not_matter(connect: Connect, serve: Serve) -> None:
    server = serve(lambda seen: Reply({"id": "m1"}, headers={"Content-Type": "text/html"}))
    assert connect(server.url).get("/meetings/m1") == {"id": "m1"}


@pytest.mark.parametrize(
    "fault",
    [stall, say_nothing, trickle_head, trickle, trickle_chunk, trickle_gzip],
    ids=lambda act: act.__name__,
)
def test_an_endless_response_does_not_hang(connect: Connect, serve: Serve, fault: Act) -> None:
    server = serve(in_turn(fault, fault, FINE))
    client = connect(server.url, clock=Clock(), limits=SOON)
    started = time.monotonic()
    assert client.get("/meetings/m1") == {"id": "m1"}
    assert time.monotonic() - started < 30
    assert client.requests_sent >= 3  # more where the good one does not come in time either


def test_a_refused_connection_is_a_transient_fault(connect: Connect, serve: Serve) -> None:
    with running(lambda seen: FINE) as server:
        url = server.url
    with pytest.raises(BadResponse, match="5 attempts") as caught:
        connect(url).get("/meetings/m1", {"hostEmail": "wilma@sales.example"})
    assert caught.value.http_status is None


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_response_has_a_size_limit(connect: Connect, serve: Serve, encoding: str) -> None:
    def answer(seen: Seen) -> Act:
        body = json.dumps({"items": [{"text": "a" * 500 * int(seen.params["max"])}]}).encode()
        if encoding == "gzip":
            return Reply(gzip.compress(body), headers={"Content-Encoding": "gzip"})
        return Reply(body)

    server = serve(answer)
    client = connect(server.url, limits=Limits(response_bytes=20_000))
    ((item,),) = client.pages("/meetings", {"max": "100"})
    assert len(item["text"]) == 12_500
    assert [seen.params["max"] for seen in server.seen] == ["100", "50", "25"]


# Proxies, in a separate process: they are set in the environment


BEHIND_A_PROXY = """
import sys
from pathlib import Path
from meeting_etl.files import Files
from meeting_etl.state import LocalState
from meeting_etl.times import Clock
from meeting_etl.webex.auth import Auth
from meeting_etl.webex.credentials import Credentials
from meeting_etl.webex.client import Client
from meeting_etl.webex.bucket import FileBucket
from meeting_etl.webex.rate_limit import RateLimiter

files, clock, url = Files(Path(sys.argv[1])), Clock(), sys.argv[2]
auth = Auth(Credentials(access_token="given-token"), LocalState(files), clock, base_url=url)
bucket = FileBucket(files, clock, requests_per_minute=0)
rate_limiter = RateLimiter(bucket, clock, max_wait_seconds=9)
client = Client(url, auth, rate_limiter, clock)
print(client.get("/meetings/m1")["id"])
client.close()
"""


def environment(proxy: str, home: Path) -> dict[str, str]:
    (home / ".netrc").write_text("default login thief password planted\n")
    return {"HTTP_PROXY": proxy, "http_proxy": proxy, "HOME": str(home)}


def fetched(url: str, proxy: str, home: Path) -> str:
    return subprocess.run(
        [sys.executable, "-c", BEHIND_A_PROXY, str(home), url],
        env=environment(proxy, home),
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    ).stdout


def test_a_proxy_of_the_environment_is_used(serve: Serve, tmp_path: Path) -> None:
    proxy = serve(lambda seen: FINE)
    assert fetched("http://webex.example/v1", proxy.url, tmp_path) == "m1\n"
    assert proxy.seen[0].headers["Host"] == "webex.example"
    assert proxy.seen[0].headers["Authorization"] == "Bearer given-token"


def test_no_proxy_is_used_for_this_machine(serve: Serve, tmp_path: Path) -> None:
    proxy = serve(lambda seen: Reply(b"", 403))
    server = serve(lambda seen: FINE)
    assert fetched(server.url, proxy.url, tmp_path) == "m1\n"
    assert proxy.seen == []
    assert server.seen[0].headers["Authorization"] == "Bearer given-token"
