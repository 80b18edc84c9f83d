"""Requests, retries, responses 429 and bytes, in all and by thread."""

from concurrent.futures import ThreadPoolExecutor

from meeting_etl.webex.traffic import Traffic
from meeting_etl_tests.webex.conftest import Connect, Serve
from meeting_etl_tests.webex.servers import Reply, in_turn

FINE = Reply(b'{"id": "m1"}')


def test_what_a_thread_sends_is_counted_for_its_work(connect: Connect, serve: Serve) -> None:
    pause = Reply(b"slow down", 429, {"Retry-After": "1"})
    server = serve(in_turn(pause, Reply(b"oops", 500), FINE, FINE, FINE))
    client = connect(server.url)
    first, second = Traffic(), Traffic()
    client.count_in(first)
    client.get("/meetings/m1")
    client.count_in(second)
    client.get("/meetings/m1")
    client.count_in(None)
    client.get("/meetings/m1")
    assert (first.requests, first.retries, first.rate_limited) == (3, 2, 1)
    assert first.received_bytes == len(b"slow down" + b"oops" + FINE.body)
    assert (second.requests, second.retries, second.rate_limited) == (1, 0, 0)
    assert client.requests_sent == 5


def test_threads_have_work_of_their_own(connect: Connect, serve: Serve) -> None:
    client = connect(serve(lambda seen: FINE).url)
    own = Traffic()
    client.count_in(own)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(client.get, "/meetings/m1").result()
    assert (own.requests, client.requests_sent) == (0, 1)
