"""What tests of file downloads share: links, requests, contents."""

import http.client
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import World
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.sandbox.conftest import OpenWalker
from meeting_etl_tests.sandbox.small import (
    RA,
    A,
    at,
    changed,
    recording,
    small_world,
)

U = "e" * 32
SIZE = 1_000_000
# Of recordings made at 09:40 on Monday 2 March 2026.
MODIFIED = "Mon, 02 Mar 2026 09:40:00 GMT"


def links(open_walker: OpenWalker, webex: Sandbox, key: str = RA) -> dict[str, str]:
    found: dict[str, str] = open_walker(webex).item(f"/recordings/{key}")[
        "temporaryDirectDownloadLinks"
    ]
    return found


def video(open_walker: OpenWalker, webex: Sandbox) -> str:
    return links(open_walker, webex)["recordingDownloadLink"]


def get(url: str, **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.get(url, headers=named, timeout=60)


def meet_a_stall(url: str, **headers: str) -> http.client.HTTPResponse:
    """The response whose head comes, and then nothing for a fifth of a second."""
    target = urlsplit(url)
    connection = http.client.HTTPConnection(target.netloc, timeout=60)
    try:
        connection.request("GET", f"{target.path}?{target.query}", headers=headers)
        response = connection.getresponse()
        connection.sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            response.read()
        return response
    finally:
        connection.close()


def whole(webex: Sandbox, kind: Any = "video", key: str = RA) -> bytes:
    return b"".join(webex.media.content(key, kind))


def clock(webex: Sandbox) -> ManualClock:
    assert isinstance(webex.clock, ManualClock)
    return webex.clock


def with_recording(**changes: Any) -> World:
    return changed(
        small_world(), A, recordings=(recording(RA, at("2026-03-02T09:40:00"), **changes),)
    )
