"""Expiry of access tokens, and the refresh grant."""

from datetime import timedelta

import pytest
import requests

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.sandbox.conftest import OpenWalker, Serve
from meeting_etl_tests.sandbox.small import NOW, SITES, small_world


@pytest.fixture
def fresh(serve: Serve) -> Sandbox:
    return serve(small_world(), NOW)


def test_a_token_expires(serve: Serve, open_walker: OpenWalker) -> None:
    webex = serve(small_world(), NOW, access_token_seconds=3600)
    walker = open_walker(webex)
    until = walker.item("/authorizations/tokenExpiry")["exp"]
    assert until == (NOW + timedelta(hours=1)).timestamp() * 1000
    clock(webex).advance(seconds=3599)
    assert walker.status("/recordings") == 200
    clock(webex).advance(seconds=1)
    assert walker.status("/recordings") == 401
    assert open_walker(webex).status("/recordings") == 200


def clock(webex: Sandbox) -> ManualClock:
    assert isinstance(webex.clock, ManualClock)
    return webex.clock


def refresh(webex: Sandbox, **form: str) -> requests.Response:
    whole = {
        "grant_type": "refresh_token",
        "client_id": webex.client_id,
        "client_secret": webex.client_secret,
        "refresh_token": webex.refresh_token,
    }
    return requests.post(f"{webex.base_url}/access_token", data=whole | form, timeout=60)


def test_the_refresh_grant_uses_up_its_token(serve: Serve) -> None:
    webex = serve(small_world(), NOW, access_token_seconds=7200)
    old = {"Authorization": f"Bearer {webex.token('user')}"}
    answer = refresh(webex)
    assert answer.status_code == 200
    body = answer.json()
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 7200
    assert body["refresh_token_expires_in"] == 7_776_000
    assert "meeting:recordings_read" in body["scope"]
    new = {"Authorization": f"Bearer {body['access_token']}"}
    for headers in (old, new):
        url = f"{webex.base_url}/recordings"
        assert requests.get(url, headers=headers, timeout=60).status_code == 200
    assert refresh(webex).status_code == 400
    again = refresh(webex, refresh_token=body["refresh_token"])
    assert again.status_code == 200
    assert again.json()["access_token"] != body["access_token"]


def test_a_grant_is_for_one_kind(webex: Sandbox) -> None:
    access = refresh(webex, refresh_token=webex.grant("compliance")).json()["access_token"]
    headers = {"Authorization": f"Bearer {access}"}
    url = f"{webex.base_url}/admin/meetingTranscripts?siteUrl={SITES[0]}"
    assert requests.get(url, headers=headers, timeout=60).status_code == 200


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"client_secret": "wrong"}, 401),
        ({"client_id": "wrong"}, 401),
        ({"grant_type": "authorization_code"}, 400),
        ({"refresh_token": "wrong"}, 400),
        ({"refresh_token": ""}, 400),
    ],
)
def test_a_bad_refresh_is_refused_and_spends_nothing(
    fresh: Sandbox, form: dict[str, str], status: int
) -> None:
    assert refresh(fresh, **form).status_code == status
    assert refresh(fresh).status_code == 200


def test_a_refresh_token_expires_and_a_json_body_is_refused(fresh: Sandbox) -> None:
    url = f"{fresh.base_url}/access_token"
    form = {"grant_type": "refresh_token", "refresh_token": fresh.refresh_token}
    assert requests.post(url, json=form, timeout=60).status_code == 400
    clock(fresh).advance(days=90)
    assert refresh(fresh).status_code == 400
