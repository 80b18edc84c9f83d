"""A service app as the administrator of an organization, from its settings to its tables."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.sandbox.world.model import SECRET_MARK
from meeting_etl.sandbox.world.worlds import sized_world
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.product import Product
from meeting_etl_tests.promises.test_account_failures import due, revoke_after
from meeting_etl_tests.promises.test_accounts import forbidden
from meeting_etl_tests.service_apps import service_app_section, service_app_variables

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)
WORLD = sized_world(2, NOW, meetings=24, participants=2, snippets=3)
OFFICER = '[accounts.officer]\nkind = "compliance"\naccess_token = "env:OFFICER_TOKEN"\n'


def company(folder: Path, webex: Sandbox, clock: ManualClock, **changed: str) -> Product:
    """A service app of kind admin, and a compliance officer."""
    file = folder.with_name("settings.toml")
    file.write_text(OFFICER + service_app_section(webex, "company"))
    more = {
        "WEBEX_ACCESS_TOKEN": "",
        "WEBEX_TOKEN_KIND": "",
        "MEETING_ETL_SETTINGS": str(file),
        "OFFICER_TOKEN": webex.token("compliance"),
        **service_app_variables(webex),
        **changed,
    }
    return Product(folder, webex, clock=clock, more=more)


@pytest.mark.slow
def test_a_token_that_is_revoked_in_mid_run_is_replaced_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock(NOW)
    with Sandbox(WORLD, clock) as webex:
        product = company(tmp_path / "data", webex, clock)
        product.write_logs()
        # Later than whose token it is, and before the details, which only this account can list.
        revoke_after(webex, WORLD.admin.email, 1, monkeypatch)
        assert product.run().failures == []
        obtained = [seen.status for seen in webex.counters.requests if "/token" in seen.url]
        assert obtained == [200, 200], "the first token, and the one after the revocation"
        assert forbidden(product) == {}
        assert len(product.rows("participants")) == 48
        assert {row["source"] for row in product.rows("transcript_snippets")} == {"snippets"}
        accounts = {row["account"] for row in product.rows("fetch_ledger")}
        assert {"company", "officer"} <= accounts
        files = sorted(path.name for path in (tmp_path / "data/state").glob("tokens*"))
        assert len(files) == 2
        assert files[0] == "tokens-company.json"
        assert files[1].startswith("tokens.integration-")


@pytest.mark.slow
def test_a_refused_service_app_is_set_aside_and_its_work_waits(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with Sandbox(WORLD, clock) as webex:
        wrong = f"{SECRET_MARK}-of-yesterday"
        product = company(tmp_path / "data", webex, clock, APP_CLIENT_SECRET=wrong)
        product.write_logs()
        [sentence] = product.run().set_aside
        assert "APP_CLIENT_SECRET ([accounts.company] client_secret)" in sentence
        assert SECRET_MARK not in sentence
        assert len(product.rows("participants")) == 48
        assert forbidden(product) == {}
        right = company(tmp_path / "data", webex, clock)
        clock.advance(hours=1)
        assert right.run().failures == []
        assert due(right) == {}
