"""Rule 6: a refresh token that is refused in mid-run ends the run and loses nothing that came."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meeting_etl.errors import AuthError
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl.times import Clock
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product, work_off
from meeting_etl_tests.promises.requested import WorkItem, committed, requested

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
MEETINGS = 40
THREADS = 24


def granted(webex: Sandbox) -> dict[str, str]:
    """Settings with the refresh grant."""
    return {
        "WEBEX_ACCESS_TOKEN": "",
        "WEBEX_CLIENT_ID": webex.client_id,
        "WEBEX_CLIENT_SECRET": webex.client_secret,
        "WEBEX_REFRESH_TOKEN": webex.grant("compliance"),
    }


def after(requests: int) -> Faults:
    """So many requests after the first renewal the token is void, and renewed no more."""
    return Faults(revoke_after=1 + requests, refuse_refresh_after=1)


def answered(webex: Sandbox) -> set[WorkItem]:
    """What came whole: pairs, and windows by resource and day."""
    seen = [request for request in webex.counters.requests if request.method == "GET"]
    return {requested(request.url) for request in seen if request.status == 200}


def renewals(webex: Sandbox) -> list[int]:
    """Statuses of the answers to the refresh grant."""
    return [request.status for request in webex.counters.requests if "access_token" in request.url]


# Of 40 details, a window of recordings, 40 participants, a window of transcripts, 40 snippets.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("requests", "resource"),
    [(20, "meeting"), (61, "participants"), (102, "transcript_snippets")],
    ids=["details", "participants", "snippets"],
)
def test_all_that_came_before_the_refusal_is_on_disk(
    tmp_path: Path, requests: int, resource: str
) -> None:
    # The clock stands still, so that no batch is committed because it is time.
    clock = ManualClock(NOW)
    world = sized_world(2, NOW, meetings=MEETINGS, participants=2, snippets=2)
    with Sandbox(world, clock, after(requests)) as webex:
        product = Product(tmp_path, webex, clock=clock, more=granted(webex))
        product.write_logs()
        with pytest.raises(AuthError, match=r"^Authorise the integration again.*refused to renew"):
            work_off(product.etl())
        assert renewals(webex) == [200, 400]
        statuses = [
            request.status for request in webex.counters.requests if request.method == "GET"
        ]
        assert statuses.count(200) == requests
        # At once: what was under way or about to be, and no more.
        assert 0 < statuses.count(401) <= 2 * THREADS
        came = answered(webex)
        assert {name for name, _ in came if name == resource}, "it was in the middle of these"
        assert came <= committed(product)
    with Sandbox(world, clock) as webex:
        product = Product(tmp_path, webex, clock=clock, more=granted(webex))
        work_off(product.etl())
        assert not came & answered(webex)
        assert product.etl().ledger.due_days() == []
    assert len(product.rows("participants")) == len(product.rows("transcript_snippets")) == 80


@pytest.mark.slow
def test_the_command_ends_with_status_1_and_says_what_to_do(tmp_path: Path) -> None:
    world = sized_world(
        2, Clock().now() - timedelta(days=5), meetings=MEETINGS, participants=2, snippets=2
    )
    with Sandbox(world, faults=after(61)) as webex:
        product = Product(tmp_path, webex, more=granted(webex))
        product.write_logs()
        done = product.command("run")
        assert done.returncode == 1
        assert "Authorise the integration again and set WEBEX_REFRESH_TOKEN" in done.stderr
        assert "Traceback" not in done.stderr
        assert renewals(webex) == [200, 400]
        came = answered(webex)
        assert len(came) > MEETINGS
        assert came <= committed(product)
    with Sandbox(world) as webex:
        product = Product(tmp_path, webex, more=granted(webex))
        assert product.command("run").returncode == 0
        assert not came & answered(webex)
