import json
import logging
import math
import re
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from meeting_etl.errors import MeetingEtlError
from meeting_etl.webex.responses import clock_ahead, error_for
from meeting_etl.webex.transport import Response, TransientError
from meeting_etl_tests.webex.broken_responses import cut_short, reset
from meeting_etl_tests.webex.conftest import Connect, Serve
from meeting_etl_tests.webex.servers import Act, Reply

# Numbers of any length anywhere in a date are what breaks date parsers.
_NUMBER = st.integers(0, 10**30).map(str)
_ZONE = st.one_of(st.sampled_from(["GMT", "-0000", "EST", ""]), _NUMBER.map("+".__add__))
DATES = st.builds(
    "{}, {} {} {} {}:{}:{} {}".format,
    st.sampled_from(["Wed", "Xyz", ""]),
    _NUMBER,
    st.sampled_from(["Oct", "Feb", "13"]),
    _NUMBER,
    _NUMBER,
    _NUMBER,
    _NUMBER,
    _ZONE,
)
HEADERS = st.one_of(st.text(st.characters(codec="latin-1")), DATES, _NUMBER)
FAR_YEAR = "Wed, 21 Oct 99999999999999999999 07:28:00 GMT"
FAR_ZONE = "Wed, 21 Oct 2026 07:28:00 +99999999999999999999"


@given(HEADERS)
@example(FAR_YEAR)
@example(FAR_ZONE)
def test_any_retry_after_is_a_time_to_wait(value: str) -> None:
    error = error_for(response_of(429, {"Retry-After": value}))
    assert isinstance(error, TransientError)
    assert error.http_status == 429
    assert error.retry_after_seconds is not None
    assert math.isfinite(error.retry_after_seconds)
    assert error.retry_after_seconds >= 1


@given(HEADERS)
@example(FAR_YEAR)
@example(FAR_ZONE)
def test_no_date_breaks_the_clock_check(value: str) -> None:
    ahead = clock_ahead(response_of(200, {"Date": value}))
    assert ahead is None or math.isfinite(ahead.total_seconds())


# The sentence of an error


def response_of(
    status: int,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    request: str = "GET /v1/x",
) -> Response:
    now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    return Response(request, status, headers or {}, body, now, "METL_ours")


def sentence_of(status: int, message: object, **more: object) -> str:
    return str(
        error_for(response_of(status, body=json.dumps({"message": message, **more}).encode()))
    )


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 423, 429, 500, 503, 504, 302])
def test_every_error_is_one_sentence_about_the_request(status: int) -> None:
    sentence = sentence_of(status, "Something is off")
    assert f"{status} to GET /v1/x: Something is off (trackingId METL_ours)" in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "secret",
    [
        "wilma.quist@sales.example",
        "https://webex.example/lsr.php?RCID=77ab059a",
        "Bearer abcdef",
        "NjY5ZTQ4YzUtYWMyMi00MTYzLWE4ZTItNGI1M2Q4ZmZkMmVlZDY3MjJmZmYt_PF84_1eb65fdf-9643",
    ],
)
def test_addresses_links_and_tokens_in_a_message_are_left_out(secret: str) -> None:
    sentence = sentence_of(403, f"The host {secret} says no")
    assert "The host … says no" in sentence
    for piece in re.findall(r"\w{6,}", secret):
        assert piece not in sentence


def test_ids_in_a_message_stay() -> None:
    meeting = "501e995485e2460bb129410116757b13_I_194316955237236650"
    assert meeting in sentence_of(404, f"Meeting ID '{meeting}' is not there")


def test_a_long_message_is_truncated_and_nothing_else_of_the_body_is_shown() -> None:
    sentence = sentence_of(
        400, "x y" * 1000, errors=[{"description": "planted"}], password="planted"
    )
    assert "planted" not in sentence
    assert len(sentence) < 400
    assert "\n" not in sentence_of(400, "two\nlines\x00 and \t more")


@pytest.mark.parametrize(
    "body", [b"", b"<html>planted</html>", b"[]", b'{"message": 5}', b"\xff", b"[" * 10**5]
)
def test_a_body_that_is_not_an_error_object_is_not_shown(body: bytes) -> None:
    sentence = str(error_for(response_of(400, body=body)))
    assert sentence.startswith("Webex responded 400 to GET /v1/x (trackingId METL_ours): ")
    assert "planted" not in sentence


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"trackingId": "from-header"}, b"{}", "from-header"),
        ({"trackingId": "from-header"}, b'{"trackingId": "from-body"}', "from-body"),
        ({"trackingId": "wilma@sales.example"}, b'{"trackingId": 5}', "5"),
        ({"trackingId": "wilma@sales.example"}, b'{"trackingId": "a b"}', "METL_ours"),
    ],
)
def test_the_tracking_id_that_support_asks_for(
    headers: dict[str, str], body: bytes, expected: str
) -> None:
    assert f"(trackingId {expected})" in str(error_for(response_of(400, headers, body)))


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
        list(client.pages("/recordings", {"max": "100", "hostEmail": "wilma@sales.example"}))
    shown = chain(caught.value) + caplog.text
    assert "/v1/recordings" in shown
    for secret in ("wilma", "sales.example", "given-token", "Bearer"):
        assert secret not in shown
