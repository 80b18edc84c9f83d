"""GET /admin/recordings."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.sandbox.conftest import ANY_WINDOW, OpenWalker, Serve
from meeting_etl_tests.sandbox.small import (
    NOW,
    OWNER,
    RA,
    RB,
    RC,
    RD,
    SITES,
    TOM,
    D,
    at,
    small_world,
    upload,
)
from meeting_etl_tests.sandbox.walker import Walker

U = "e" * 32


@pytest.fixture(scope="module")
def webex() -> Iterator[Sandbox]:
    """For tests that change nothing."""
    world = replace(small_world(), uploads=(upload(U, OWNER, at("2026-03-04T08:00:00")),))
    with Sandbox(world, ManualClock(NOW), ANY_WINDOW) as webex:
        yield webex


def ids(walker: Walker, path: str = "/recordings", **query: object) -> list[str]:
    return [item["id"] for item in walker.items(path, **query)]


def test_the_admin_listing_is_of_one_site(webex: Sandbox, open_walker: OpenWalker) -> None:
    admin = open_walker(webex, "admin")
    found = admin.items("/admin/recordings")
    assert [item["id"] for item in found] == [U, RB, RA]
    assert {(item["hostEmail"], item["hostDisplayName"]) for item in found} == {
        ("olga@team.example", "Olga Owner")
    }
    assert ids(admin, "/admin/recordings", siteUrl=SITES[1]) == [RD, RC]


def test_the_admin_listing_spans_at_most_thirty_days(
    webex: Sandbox, open_walker: OpenWalker
) -> None:
    admin = open_walker(webex, "admin")
    window = {"from_": "2026-02-10T00:00:00Z", "to": "2026-03-12T00:00:00Z"}
    assert ids(admin, "/admin/recordings", **window) == [U, RB, RA]
    window["to"] = "2026-03-12T00:00:01Z"
    assert admin.status("/admin/recordings", **window) == 400


def test_the_admin_listing_of_one_meeting_ignores_window_and_site(
    serve: Serve, open_walker: OpenWalker
) -> None:
    admin = open_walker(serve(small_world(), at("2026-05-05T00:00:00")), "admin")
    assert ids(admin, "/admin/recordings") == []
    assert ids(admin, "/admin/recordings", meetingId=D) == [RD]
    window = {"from_": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z", "siteUrl": SITES[0]}
    assert ids(admin, "/admin/recordings", meetingId=D, **window) == [RD]
    assert admin.items("/admin/recordings", meetingId=D)[0]["hostEmail"] == TOM.email
