"""GET /people/me."""

import pytest

from meeting_etl.sandbox.world.model import Kind, cisco_id
from meeting_etl_tests.sandbox.conftest import OpenWalker, Serve
from meeting_etl_tests.sandbox.small import NOW, small_world


@pytest.mark.parametrize(
    ("kind", "name"), [("user", "owner"), ("admin", "admin"), ("compliance", "officer")]
)
def test_a_token_says_whose_it_is(
    serve: Serve, open_walker: OpenWalker, kind: Kind, name: str
) -> None:
    webex = serve(small_world(), NOW)
    person = getattr(webex.world, name)
    answer = open_walker(webex, kind).get("/people/me").json()
    assert answer["emails"] == [person.email]
    assert answer["id"] == person.user_id
    assert answer["orgId"] == cisco_id("ORGANIZATION", webex.world.org_id)


def test_without_the_scope_it_is_refused(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(small_world(), NOW, no_people_scope=True)
    answer = open_walker(webex, "user").get("/people/me")
    assert answer.status_code == 403
    assert open_walker(webex, "user").get("/meetings").status_code == 200
