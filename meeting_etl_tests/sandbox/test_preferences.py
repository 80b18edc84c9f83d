"""GET /meetingPreferences/sites: the caller's sites."""

from meeting_etl_tests.sandbox.conftest import OpenWalker, Serve
from meeting_etl_tests.sandbox.small import NOW, SITES, small_world


def test_sites_come_with_the_preferred_one(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(small_world(), NOW)
    sites = open_walker(webex, "user").item("/meetingPreferences/sites")["sites"]
    assert sites == [
        {"siteUrl": SITES[0], "default": True},
        {"siteUrl": SITES[1], "default": False},
    ]
