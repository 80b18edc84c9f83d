import json
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meeting_etl.webhook_logs.events import Event, read_event
from meeting_etl.webhook_logs.payloads import UsualData, UsualLine
from meeting_etl_tests.webhook_logs.samples import NOW, ended, envelope, line, payload

SECRET_NAMES = """
    password hostKey phoneAndVideoSystemPassword panelistPassword
    phoneAndVideoSystemPanelistPassword accessCode registration webLink registerLink sipAddress
    dialInIpAddress telephony temporaryDirectDownloadLinks recordingDownloadLink audioDownloadLink
    transcriptDownloadLink secret access_token refresh_token client_secret accessToken refreshToken
    clientSecret Authorization joinLink playbackUrl downloadUrl
""".split()
PLANTED = "Pl4nted-5ecret"


def body_of(raw: bytes) -> bytes:
    found = read_event(raw, now=NOW)
    assert isinstance(found, Event), found
    return found.body


@pytest.mark.parametrize("name", SECRET_NAMES)
@pytest.mark.parametrize("value", [PLANTED, {"is": [PLANTED]}, [PLANTED, {"x": PLANTED}], 1, None])
def test_each_secret_is_removed_wherever_it_is(name: str, value: object) -> None:
    in_data = ended(**{name: value})
    beside_data = ended() | {name.upper(): value}
    deep = ended(options={"list": [1, {name.lower(): value, "kept": "so"}]})

    assert json.loads(body_of(line(in_data))) == ended()
    assert json.loads(body_of(envelope(in_data))) == ended()
    assert json.loads(body_of(line(beside_data))) == ended()
    assert json.loads(body_of(line(deep))) == ended(options={"list": [1, {"kept": "so"}]})


@pytest.mark.parametrize(
    "key",
    [
        rb"pass\u0077ord",
        rb"\u0070\u0061\u0073\u0073\u0077\u006f\u0072\u0064",
        rb"PASS\u0057ord",
        rb"access\u005ftoken",
        rb"accessT\u006Fken",
    ],
)
def test_an_escape_in_a_name_hides_nothing(key: bytes) -> None:
    in_data = line(ended(zzz=PLANTED)).replace(b"zzz", key)
    deep = line(ended(options=[{"zzz": PLANTED}])).replace(b"zzz", key)

    assert json.loads(body_of(in_data)) == ended()
    assert json.loads(body_of(deep)) == ended(options=[{}])


def test_nothing_of_the_headers_is_kept() -> None:
    headers = {"Authorization": f"Bearer {PLANTED}", "Cookie": PLANTED, "X-Spark-Signature": "c0f"}

    assert body_of(envelope(ended(), headers=headers)) == line(ended())
    assert body_of(envelope(ended(more=[{}]), headers=headers)) == line(ended(more=[{}]))


def test_a_header_that_a_payload_itself_holds_is_a_secret_too() -> None:
    headers = {"Authorization": f"Bearer {PLANTED}", "Accept": "*/*"}

    for raw in (line(ended() | {"headers": headers}), envelope(ended() | {"headers": headers})):
        assert json.loads(body_of(raw)) == ended() | {"headers": {"Accept": "*/*"}}


def test_a_member_that_a_later_one_shadows_is_not_kept() -> None:
    raw = (
        b'{"resource":"recordings","event":"created","data":{"password":"Pl4nted-5ecret"},'
        b'"x":{"secret":"Pl4nted-5ecret"},"x":1,"password":"Pl4nted-5ecret","data":{"id":"r"}}'
    )

    assert json.loads(body_of(raw)) == payload("recordings", "created", id="r") | {"x": 1}


def test_the_rest_keeps_its_spelling() -> None:
    raw = (
        b'{"resource":"recordings","event":"created","big":123456789012345678901234567890,'
        b'"data":{"password":"x","n":[1.50E+3,-0,0.10000000000000000555],"t":"\\u00e9\\/\xc3\xa9",'
        b'"o":{"k\\u0065y":{"HOSTKEY":1}}}}'
    )

    assert body_of(raw) == (
        b'{"resource":"recordings","event":"created","big":123456789012345678901234567890,'
        b'"data":{"n":[1.50E+3,-0,0.10000000000000000555],"t":"\\u00e9\\/\xc3\xa9",'
        b'"o":{"key":{}}}}'
    )


@pytest.mark.parametrize(
    "data",
    [
        {"title": "password"},
        {"title": '"password": "x"'},
        {"title": '{"password": "x"}', "note": "hostKey"},
        {"title": "ends in a backslash \\", "more": {"x": '\\"secret":'}},
        {"passwords": "x", "Password ": "x", "link": "x", "hasRegistration": True},
        {"list": ["password", "secret", {"name": "secret"}]},
    ],
)
def test_what_only_looks_like_a_secret_is_kept_byte_for_byte(data: dict[str, Any]) -> None:
    assert body_of(line(ended(**data))) == line(ended(**data))


def test_secrets_nested_too_deeply_to_remove_reject_the_line() -> None:
    raw = line(ended(x="deep")).replace(
        b'"deep"', b'{"x":' * 900 + b'{"password":"Pl4nted-5ecret"}' + b"}" * 900
    )
    found = read_event(raw, now=NOW)

    assert not isinstance(found, Event) or PLANTED.encode() not in found.body


def test_the_fields_that_are_not_looked_at_twice_are_no_secrets() -> None:
    usual = {*UsualLine.__struct_encode_fields__, *UsualData.__struct_encode_fields__}

    assert not {name.lower() for name in usual} & {name.lower() for name in SECRET_NAMES}


NAMES = st.sampled_from(["id", "title", "data", "x", "password2", "é", 'q"uo\\te', "headers"])
VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.sampled_from(["password", '"secret":']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=10,
)
SPELLINGS = st.sampled_from([str, str.lower, str.upper, str.title, str.swapcase])


def plant(value: Any, dice: random.Random, name: str) -> tuple[Any, bytes]:
    """The value with secrets in some of its objects; and its JSON, some letters escaped."""
    if isinstance(value, list):
        parts = [plant(item, dice, name)[1] for item in value]
        return value, b"[" + b",".join(parts) + b"]"
    if not isinstance(value, dict):
        return value, json.dumps(value, ensure_ascii=dice.random() < 0.5).encode()
    members = [(key, plant(item, dice, name)[1]) for key, item in value.items()]
    if dice.random() < 0.6:
        secret = dice.choice(['"%s"', '{"a":"%s"}', '[["%s"]]', '{"password":"%s"}']) % PLANTED
        members.insert(dice.randint(0, len(members)), (name, secret.encode()))
    space = dice.choice([b"", b" ", b"\t"])
    pairs = [escaped(key, dice) + space + b":" + space + item for key, item in members]
    return value, b"{" + space + b",".join(pairs) + b"}"


def escaped(key: str, dice: random.Random) -> bytes:
    letters = [f"\\u{ord(c):04x}" if dice.random() < 0.1 else json.dumps(c)[1:-1] for c in key]
    return f'"{"".join(letters)}"'.encode()


@settings(deadline=None)
@given(
    document=st.dictionaries(NAMES, VALUES, max_size=4),
    data=st.dictionaries(NAMES, VALUES, max_size=4),
    name=st.sampled_from(SECRET_NAMES),
    spell=SPELLINGS,
    dice=st.randoms(use_true_random=False),
    wrapped=st.booleans(),
)
def test_no_planted_secret_remains_and_nothing_else_goes(
    document: dict[str, Any],
    data: dict[str, Any],
    name: str,
    spell: Any,
    dice: random.Random,
    wrapped: bool,
) -> None:
    document = document | {"resource": "recordings", "event": "created", "data": data}
    _, raw = plant(document, dice, spell(name))

    body = body_of(
        b'{"headers":{"secret":"' + PLANTED.encode() + b'"},"body":' + raw + b"}"
        if wrapped
        else raw
    )

    assert PLANTED.encode() not in body
    assert msgspec.json.decode(body) == document
    if PLANTED.encode() not in raw:
        assert body == raw
