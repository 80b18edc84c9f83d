"""Tokens of service apps: who may request them, and for what."""

from typing import Any

import pytest
import requests

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import cisco_id
from meeting_etl_tests.sandbox.conftest import Serve
from meeting_etl_tests.sandbox.small import NOW, OWNER, SITES, small_world


@pytest.fixture
def fresh(serve: Serve) -> Sandbox:
    return serve(small_world(), NOW, access_token_seconds=7200)


def bearer(webex: Sandbox) -> dict[str, str]:
    """The token of an integration."""
    form = {
        "grant_type": "refresh_token",
        "client_id": webex.client_id,
        "client_secret": webex.client_secret,
        "refresh_token": webex.integration_grant(),
    }
    response = requests.post(f"{webex.base_url}/access_token", data=form, timeout=60).json()
    assert response["scope"] == "spark:applications_token spark:kms"
    return {"Authorization": f"Bearer {response['access_token']}"}


def body(webex: Sandbox, **changed: Any) -> dict[str, Any]:
    app = webex.service_app("admin")
    return {
        "clientId": app.client_id,
        "clientSecret": app.client_secret,
        "targetOrgId": app.target_org_id,
        **changed,
    }


def post(
    webex: Sandbox, headers: dict[str, str], document: object, application_id: str = ""
) -> requests.Response:
    application_id = application_id or webex.service_app("admin").application_id
    url = f"{webex.base_url}/applications/{application_id}/token"
    return requests.post(url, json=document, headers=headers, timeout=60)


def test_the_token_of_a_service_app_reads_as_its_kind_may(fresh: Sandbox) -> None:
    response = post(fresh, bearer(fresh), body(fresh))
    assert response.status_code == 200
    found = response.json()
    assert (found["token_type"], found["expires_in"]) == ("Bearer", 7200)
    assert found["refresh_token_expires_in"] == 7_776_000
    assert found["refresh_token"] != found["access_token"]
    assert "scope" not in found
    headers = {"Authorization": f"Bearer {found['access_token']}"}
    url = f"{fresh.base_url}/admin/recordings?siteUrl={SITES[0]}"
    assert requests.get(url, headers=headers, timeout=60).status_code == 200


def test_an_integration_may_do_nothing_else(fresh: Sandbox) -> None:
    url = f"{fresh.base_url}/recordings"
    assert requests.get(url, headers=bearer(fresh), timeout=60).status_code == 403
    assert fresh.token("user", OWNER.email) not in bearer(fresh)["Authorization"]


def test_only_an_integration_may_request_tokens(fresh: Sandbox) -> None:
    assert post(fresh, {}, body(fresh)).status_code == 401
    assert post(fresh, {"Authorization": "Bearer wrong"}, body(fresh)).status_code == 401
    headers = {"Authorization": f"Bearer {fresh.token('admin')}"}
    assert post(fresh, headers, body(fresh)).status_code == 403


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"clientId": "wrong"}, 400),
        ({"clientSecret": "wrong"}, 400),
        ({"clientSecret": None}, 400),
        ({"targetOrgId": None}, 400),
        ({"targetOrgId": cisco_id("ORGANIZATION", "another")}, 403),
    ],
)
def test_wrong_fields_are_refused(fresh: Sandbox, changed: dict[str, Any], status: int) -> None:
    response = post(fresh, bearer(fresh), body(fresh, **changed))
    assert response.status_code == status
    assert response.json()["trackingId"]


def test_an_unknown_service_app_and_other_bodies_are_refused(fresh: Sandbox) -> None:
    other = cisco_id("APPLICATION", "other")
    assert post(fresh, bearer(fresh), body(fresh), other).status_code == 404
    assert post(fresh, bearer(fresh), [1]).status_code == 400
    url = f"{fresh.base_url}/applications/{fresh.service_app('admin').application_id}/token"
    form = requests.post(url, data=body(fresh), headers=bearer(fresh), timeout=60)
    assert form.status_code == 415
