"""The pause after a refused token ends with the setting that was mended."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meeting_etl.orchestration.refused_token import refused_token_tag, refused_until
from meeting_etl.sandbox.sandbox import Sandbox
from meeting_etl.settings import Etl
from meeting_etl_tests.clocks import ManualClock
from meeting_etl_tests.sandbox.small import small_world
from meeting_etl_tests.service_apps import service_app_section, service_app_variables

NOW = datetime(2026, 3, 16, 12, 7, tzinfo=UTC)


@pytest.mark.parametrize("mended", ["APP_CLIENT_SECRET", "TOKENS_REFRESH_TOKEN"])
def test_a_service_app_is_used_again_once_a_secret_is_mended(tmp_path: Path, mended: str) -> None:
    clock, file = ManualClock(NOW), tmp_path / "settings.toml"
    webex = Sandbox(small_world(), clock)
    file.write_text(service_app_section(webex, "company"))
    environ = {
        "MEETING_ETL_SETTINGS": str(file),
        "MEETING_ETL_DATA_DIR": str(tmp_path / "data"),
        **service_app_variables(webex),
    }
    etl = Etl(environ, clock)
    tags = refused_token_tag(etl)
    assert "plantedsecret" not in str(tags)
    assert refused_until(tags, Etl(environ, clock)) == NOW + timedelta(hours=1)
    assert refused_until(tags, Etl({**environ, mended: "another"}, clock)) is None
