import gzip
import json
import logging
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meeting_etl import __version__
from meeting_etl.errors import (
    ApiUnavailable,
    BadAnswer,
    Forbidden,
    Gone,
    MeetingEtlError,
    NotFound,
    Refused,
)
from meeting_etl.times import Clock
from meeting_etl.webex.client import error_for
from meeting_etl.webex.wire import Answer, Limits
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.webex.conftest import Connect, Serve
from meeting_etl_tests.webex.servers import (
    Act,
    Reply,
    Seen,
    broken_chunks,
    cut_short,
    hang_up,
    in_chunks,
    in_turn,
    nonsense_chunks,
    reset,
    running,
    say_nothing,
    stall,
    trickle,
    trickle_chunk,
    trickle_gzip,
)

FINE = Reply({"id": "m1"})
SOON = Limits(connect_seconds=2, read_seconds=0.15, answer_seconds=0.3, backoff_seconds=0.01)


class Longest(Random):
    """Always takes the longest delay that jitter allows."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


# A request as it goes out


def test_what_a_request_carries(connect: Connect, serve: Serve) -> None:
    server = serve(lambda seen: FINE)
    client = connect(server.url)
    assert client.get("/meetings/m1", {"hostEmail": "ada@sales.example"}) == {"id": "m1"}
    client.get("/meetings/m1")
    first, second = server.seen
    assert (first.method, first.path) == ("GET", "/v1/meetings/m1")
    assert first.params == {"hostEmail": "ada@sales.example"}
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


def test_a_compressed_answer_is_read(connect: Connect, serve: Serve) -> None:
    body = gzip.compress(json.dumps({"text": "ä" * 100_000}).encode())
    server = serve(lambda seen: Reply(body, headers={"Content-Encoding": "gzip"}))
    assert connect(server.url).get("/meetings/m1") == {"text": "ä" * 100_000}
    assert server.seen[0].headers["Accept-Encoding"] == "gzip"


def test_a_chunked_answer_is_read(connect: Connect, serve: Serve) -> None:
    server = serve(lambda seen: in_chunks)
    assert connect(server.url).get("/meetings/m1") == {"id": "m1"}


def test_numbers_beyond_2_to_the_53_stay_exact(connect: Connect, serve: Serve) -> None:
    server = serve(lambda seen: Reply(b'{"n": 194316955237236650, "m": 36893488147419103233}'))
    found = connect(server.url).get("/meetings/m1")
    assert found == {"n": 194316955237236650, "m": 36893488147419103233}


def test_the_content_type_does_not_matter(connect: Connect, serve: Serve) -> None:
    server = serve(lambda seen: Reply({"id": "m1"}, headers={"Content-Type": "text/html"}))
    assert connect(server.url).get("/meetings/m1") == {"id": "m1"}


# Faults that pass


FAULTS: list[Act] = [
    Reply({"message": "oops"}, 500),
    Reply(b"<html>bad gateway</html>", 502),
    Reply({"message": "busy"}, 503),
    Reply(b"", 504),
    Reply({"message": "locked"}, 423),
    reset,
    hang_up,
    cut_short,
    broken_chunks,
    nonsense_chunks,
    Reply(b""),
    Reply(b"<html>Login</html>", headers={"Content-Type": "text/html"}),
    Reply(b'{"id": "m1"'),
    Reply(b'{"id": "\xff"}'),
    Reply(b"[" * 100_000),
    Reply([{"id": "m1"}]),
    Reply("m1"),
    Reply(None),
    Reply(b"not gzip", headers={"Content-Encoding": "gzip"}),
    Reply(gzip.compress(b'{"id": "m1"}')[:-9], headers={"Content-Encoding": "gzip"}),
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_passes_is_overcome(connect: Connect, serve: Serve, fault: Act) -> None:
    server = serve(in_turn(fault, fault, FINE))
    client = connect(server.url)
    assert client.get("/meetings/m1") == {"id": "m1"}
    assert client.requests_sent == 3


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_stays_is_a_bad_answer(connect: Connect, serve: Serve, fault: Act) -> None:
    server = serve(lambda seen: fault)
    with pytest.raises(BadAnswer, match=r"/v1/meetings/m1.*5 times") as caught:
        connect(server.url).get("/meetings/m1", {"hostEmail": "ada@sales.example"})
    assert len(server.seen) == 5
    if isinstance(fault, Reply):
        assert caught.value.http_status == fault.status
    assert "ada" not in str(caught.value)


@pytest.mark.parametrize(
    "fault",
    [stall, say_nothing, trickle, trickle_chunk, trickle_gzip],
    ids=lambda act: act.__name__,
)
def test_an_answer_without_end_does_not_hang(connect: Connect, serve: Serve, fault: Act) -> None:
    server = serve(in_turn(fault, fault, FINE))
    client = connect(server.url, clock=Clock(), limits=SOON)
    started = time.monotonic()
    assert client.get("/meetings/m1") == {"id": "m1"}
    assert time.monotonic() - started < 3
    assert client.requests_sent == 3


def test_nobody_at_home_is_a_fault_that_passes(connect: Connect, serve: Serve) -> None:
    with running(lambda seen: FINE) as server:
        url = server.url
    with pytest.raises(BadAnswer, match="5 times") as caught:
        connect(url).get("/meetings/m1", {"hostEmail": "ada@sales.example"})
    assert caught.value.http_status is None


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_an_answer_has_a_largest_size(connect: Connect, serve: Serve, encoding: str) -> None:
    def answer(seen: Seen) -> Act:
        body = json.dumps({"text": "a" * 500 * int(seen.params["max"])}).encode()
        if encoding == "gzip":
            return Reply(gzip.compress(body), headers={"Content-Encoding": "gzip"})
        return Reply(body)

    server = serve(answer)
    client = connect(server.url, limits=Limits(answer_bytes=20_000))
    assert len(client.get("/meetings", {"max": "100"})["text"]) == 12_500
    assert [seen.params["max"] for seen in server.seen] == ["100", "50", "25"]


def test_the_longest_pauses_double_up_to_a_bound(
    connect: Connect, serve: Serve, clock: ManualClock
) -> None:
    server = serve(lambda seen: Reply(b"", 500))
    limits = Limits(attempts=8, backoff_seconds=1, longest_backoff_seconds=10)
    with pytest.raises(BadAnswer):
        connect(server.url, limits=limits, random=Longest()).get("/meetings/m1")
    assert clock.slept == [1, 2, 4, 8, 10, 10, 10]


def test_pauses_are_spread_over_their_whole_length(
    connect: Connect, serve: Serve, clock: ManualClock
) -> None:
    server = serve(lambda seen: Reply(b"", 500))
    limits = Limits(attempts=201, backoff_seconds=1, longest_backoff_seconds=1, outage_after=9)
    with pytest.raises(BadAnswer):
        connect(server.url, limits=limits, random=Random(5)).get("/meetings/m1")
    assert len(clock.slept) == 200
    assert min(clock.slept) < 0.05
    assert max(clock.slept) > 0.95
    assert max(clock.slept) <= 1


# "Later"


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("17", 17),
        (" 17 ", 17),
        ("0", 1),
        ("1", 1),
        ("-5", 30),
        ("17.5", 30),
        ("rand(30),add(30)", 30),
        ("soon", 30),
        ("²", 30),
        (format_datetime(datetime(2026, 3, 2, 9, 1, 40, tzinfo=UTC), usegmt=True), 100),
        ("Mon, 02 Mar 2026 10:01:40 +0100", 100),
        ("Mon, 02 Mar 2026 09:01:40 -0000", 100),
        ("Monday, 02-Mar-26 09:01:40 GMT", 100),
        (format_datetime(datetime(2026, 3, 2, 8, 0, tzinfo=UTC), usegmt=True), 1),
    ],
)
def test_retry_after_in_every_form(
    connect: Connect, serve: Serve, clock: ManualClock, told: str, seconds: float
) -> None:
    started = clock.now()
    later = Reply(b"<html>later</html>", 429, {"Retry-After": told})
    server = serve(in_turn(later, FINE))
    assert connect(server.url).get("/meetings/m1") == {"id": "m1"}
    assert (clock.now() - started).total_seconds() == pytest.approx(seconds, abs=0.001)


@pytest.mark.parametrize("status", [423, 503])
@pytest.mark.parametrize(("told", "seconds"), [("17", 17), ("0", 1), ("soon", 30)])
def test_retry_after_is_obeyed_whatever_brings_it(
    connect: Connect, serve: Serve, clock: ManualClock, status: int, told: str, seconds: float
) -> None:
    started = clock.now()
    server = serve(in_turn(Reply({"message": "later"}, status, {"Retry-After": told}), FINE))
    assert connect(server.url).get("/meetings/m1") == {"id": "m1"}
    assert (clock.now() - started).total_seconds() == seconds


def test_429_without_retry_after_waits_30_s(
    connect: Connect, serve: Serve, clock: ManualClock
) -> None:
    started = clock.now()
    server = serve(in_turn(Reply({"message": "slow down"}, 429), FINE))
    connect(server.url).get("/meetings/m1")
    assert (clock.now() - started).total_seconds() == 30


@pytest.mark.parametrize("status", [423, 503])
def test_others_without_retry_after_hold_up_nobody_else(
    connect: Connect, serve: Serve, clock: ManualClock, status: int
) -> None:
    started = clock.now()
    server = serve(in_turn(Reply({"message": "locked"}, status), FINE))
    connect(server.url).get("/meetings/m1")
    assert (clock.now() - started).total_seconds() <= 1


@given(st.text(st.characters(codec="latin-1")))
def test_no_retry_after_crashes_it(told: str) -> None:
    error = error_for(answer_of(429, {"Retry-After": told}))
    assert isinstance(error, BadAnswer)
    assert error.http_status == 429


def test_what_one_thread_is_told_holds_for_all_and_for_other_clients(
    connect: Connect, serve: Serve, clock: ManualClock
) -> None:
    first = serve(in_turn(Reply(b"", 429, {"Retry-After": "60"}), Reply(b"", 403)))
    second = serve(lambda seen: FINE)
    patient = connect(first.url, max_wait_seconds=10)
    with pytest.raises(ApiUnavailable):
        patient.get("/meetings/m1")
    started = clock.now()
    connect(second.url).get("/meetings/m1")
    assert (clock.now() - started).total_seconds() == 60


@pytest.mark.parametrize("told", ["301", "86400", "9" * 30])
def test_a_longer_wait_than_allowed_ends_it_and_is_not_slept(
    connect: Connect, serve: Serve, clock: ManualClock, told: str
) -> None:
    server = serve(lambda seen: Reply(b"", 429, {"Retry-After": told}))
    client = connect(server.url, max_wait_seconds=300)
    for _ in range(3):
        with pytest.raises(ApiUnavailable) as caught:
            client.get("/meetings/m1")
        assert caught.value.retry_at is not None
        assert (caught.value.retry_at - clock.now()).total_seconds() >= 301
    assert clock.slept == []
    assert len(server.seen) == 1


def test_429_uses_up_no_attempt_but_does_not_go_on_for_ever(connect: Connect, serve: Serve) -> None:
    later = Reply(b"", 429, {"Retry-After": "1"})
    server = serve(in_turn(*[later] * 15, *[Reply(b"", 500)] * 4, FINE))
    assert connect(server.url).get("/meetings/m1") == {"id": "m1"}
    stubborn = serve(lambda seen: later)
    with pytest.raises(BadAnswer, match="429") as caught:
        connect(stubborn.url).get("/meetings/m1")
    assert caught.value.http_status == 429
    assert len(stubborn.seen) == 20


# Refusals


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused),
        (403, Forbidden),
        (404, NotFound),
        (405, Refused),
        (409, Refused),
        (410, Gone),
        (415, Refused),
        (428, Refused),
    ],
)
def test_a_refusal_comes_at_once(
    connect: Connect, serve: Serve, clock: ManualClock, status: int, kind: type[Refused]
) -> None:
    server = serve(lambda seen: Reply({"message": "No.", "trackingId": "ROUTER_1-2"}, status))
    with pytest.raises(kind) as caught:
        connect(server.url).get("/recordings", {"hostEmail": "ada@sales.example"})
    assert type(caught.value) is kind
    assert caught.value.http_status == status
    sentence = str(caught.value)
    for part in (str(status), "GET /v1/recordings", "No.", "ROUTER_1-2"):
        assert part in sentence
    assert "ada" not in sentence
    assert len(server.seen) == 1
    assert clock.slept == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(connect: Connect, serve: Serve, status: int) -> None:
    thief = serve(lambda seen: FINE)
    server = serve(lambda seen: Reply(b"", status, {"Location": f"{thief.url}/meetings/m1"}))
    with pytest.raises(BadAnswer, match="WEBEX_BASE_URL"):
        connect(server.url).get("/meetings/m1")
    assert thief.seen == []
    assert len(server.seen) == 1


# What an error says


def answer_of(
    status: int, headers: dict[str, str] | None = None, body: bytes = b"", asked: str = "GET /v1/x"
) -> Answer:
    now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    return Answer(asked, status, headers or {}, body, now, "METL_ours")


def told(status: int, message: object, **more: object) -> str:
    return str(error_for(answer_of(status, body=json.dumps({"message": message, **more}).encode())))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 423, 429, 500, 503, 504, 302])
def test_every_error_is_one_sentence_about_the_request(status: int) -> None:
    sentence = told(status, "Something is off")
    assert f"{status} to GET /v1/x: Something is off (trackingId METL_ours)" in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "secret",
    [
        "ada.lovelace@sales.example",
        "https://webex.example/lsr.php?RCID=77ab059a",
        "Bearer abcdef",
        "NjY5ZTQ4YzUtYWMyMi00MTYzLWE4ZTItNGI1M2Q4ZmZkMmVlZDY3MjJmZmYt_PF84_1eb65fdf-9643",
    ],
)
def test_addresses_links_and_tokens_in_a_message_are_left_out(secret: str) -> None:
    sentence = told(403, f"The host {secret} says no")
    assert "The host … says no" in sentence
    for piece in re.findall(r"\w{6,}", secret):
        assert piece not in sentence


def test_ids_in_a_message_stay() -> None:
    meeting = "501e995485e2460bb129410116757b13_I_194316955237236650"
    assert meeting in told(404, f"Meeting ID '{meeting}' is not there")


def test_a_long_message_is_cut_and_nothing_else_of_the_body_is_told() -> None:
    sentence = told(400, "x y" * 1000, errors=[{"description": "planted"}], password="planted")
    assert "planted" not in sentence
    assert len(sentence) < 400
    assert "\n" not in told(400, "two\nlines\x00 and \t more")


@pytest.mark.parametrize(
    "body", [b"", b"<html>planted</html>", b"[]", b'{"message": 5}', b"\xff", b"[" * 10**5]
)
def test_a_body_that_is_no_error_object_is_not_told(body: bytes) -> None:
    sentence = str(error_for(answer_of(400, body=body)))
    assert sentence.startswith("Webex answered 400 to GET /v1/x (trackingId METL_ours): ")
    assert "planted" not in sentence


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"trackingId": "from-header"}, b"{}", "from-header"),
        ({"trackingId": "from-header"}, b'{"trackingId": "from-body"}', "from-body"),
        ({"trackingId": "ada@sales.example"}, b'{"trackingId": 5}', "5"),
        ({"trackingId": "ada@sales.example"}, b'{"trackingId": "a b"}', "METL_ours"),
    ],
)
def test_the_tracking_id_that_support_asks_for(
    headers: dict[str, str], body: bytes, expected: str
) -> None:
    assert f"(trackingId {expected})" in str(error_for(answer_of(400, headers, body)))


def chain(error: BaseException | None) -> str:
    text = ""
    while error:
        text += f"{error!r} {error} "
        error = error.__cause__ or error.__context__
    return text


@pytest.mark.parametrize(
    "fault", [reset, cut_short, Reply({"message": "no"}, 403), Reply(b"", 500)]
)
def test_no_address_and_no_token_in_errors_their_causes_or_logs(
    connect: Connect, serve: Serve, fault: Act, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve(lambda seen: fault)
    client = connect(server.url)
    with pytest.raises(MeetingEtlError) as caught:
        list(client.pages("/recordings", {"max": "100", "hostEmail": "ada@sales.example"}))
    shown = chain(caught.value) + caplog.text
    assert "/v1/recordings" in shown
    for secret in ("ada", "sales.example", "given-token", "Bearer"):
        assert secret not in shown


# An API that is down as a whole


def test_one_bad_thing_stops_nothing(connect: Connect, serve: Serve) -> None:
    server = serve(lambda seen: Reply(b"", 500) if "bad" in seen.path else FINE)
    client = connect(server.url)
    for _ in range(25):
        with pytest.raises(BadAnswer):
            client.get("/meetings/bad")
        assert client.get("/meetings/m1") == {"id": "m1"}


def test_a_refusal_shows_that_it_is_not_down(connect: Connect, serve: Serve) -> None:
    server = serve(lambda seen: Reply(b"", 500 if "bad" in seen.path else 404))
    client = connect(server.url)
    for _ in range(25):
        with pytest.raises(BadAnswer):
            client.get("/meetings/bad")
        with pytest.raises(NotFound):
            client.get("/meetings/m1")


def test_many_failures_in_a_row_mean_that_it_is_down(connect: Connect, serve: Serve) -> None:
    working = threading.Event()
    server = serve(lambda seen: FINE if working.is_set() else Reply(b"", 500))
    client = connect(server.url)
    for _ in range(9):
        with pytest.raises(BadAnswer):
            client.get("/meetings/m1")
    with pytest.raises(ApiUnavailable, match="10 requests came to nothing"):
        client.get("/meetings/m1")
    assert len(server.seen) == 50
    with pytest.raises(ApiUnavailable):
        client.get("/meetings/m1")
    assert len(server.seen) == 51
    working.set()
    assert client.get("/meetings/m1") == {"id": "m1"}
    working.clear()
    with pytest.raises(BadAnswer):
        client.get("/meetings/m1")


def test_threads_notice_together_that_it_is_down(connect: Connect, serve: Serve) -> None:
    server = serve(lambda seen: reset)
    client = connect(server.url, clock=Clock(), limits=Limits(backoff_seconds=0.01))

    def kind(number: int) -> type[BaseException]:
        try:
            client.get("/meetings/m1")
        except MeetingEtlError as error:
            return type(error)
        raise AssertionError

    with ThreadPoolExecutor(24) as threads:
        kinds = list(threads.map(kind, range(200)))
    assert kinds.count(BadAnswer) == 9
    assert kinds.count(ApiUnavailable) == 191
    assert client.requests_sent < 500


# Proxies, in a process of its own: they come from the environment


BEHIND_A_PROXY = """
import sys
from pathlib import Path
from meeting_etl.files import Files
from meeting_etl.times import Clock
from meeting_etl.webex.auth import Auth, Credentials
from meeting_etl.webex.client import Client
from meeting_etl.webex.pace import Pace

files, clock, url = Files(Path(sys.argv[1])), Clock(), sys.argv[2]
auth = Auth(Credentials(access_token="given-token"), files, clock, base_url=url)
pace = Pace(files, clock, requests_per_minute=0, max_wait_seconds=9)
client = Client(url, auth, pace, clock)
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
        timeout=30,
    ).stdout


def test_a_proxy_of_the_environment_is_used(serve: Serve, tmp_path: Path) -> None:
    proxy = serve(lambda seen: FINE)
    assert fetched("http://webex.example/v1", proxy.url, tmp_path) == "m1\n"
    assert proxy.seen[0].headers["Host"] == "webex.example"
    assert proxy.seen[0].headers["Authorization"] == "Bearer given-token"


def test_no_proxy_stands_between_us_and_this_machine(serve: Serve, tmp_path: Path) -> None:
    proxy = serve(lambda seen: Reply(b"", 403))
    server = serve(lambda seen: FINE)
    assert fetched(server.url, proxy.url, tmp_path) == "m1\n"
    assert proxy.seen == []
    assert server.seen[0].headers["Authorization"] == "Bearer given-token"
