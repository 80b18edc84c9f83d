"""Secrets of the webhooks in the settings."""

import pytest

from meeting_etl.errors import SettingsError
from meeting_etl.settings import read_settings


@pytest.mark.parametrize("name", ["WEBEX_WEBHOOK_SECRET", "WEBEX_WEBHOOK_SECRET_PREVIOUS"])
@pytest.mark.parametrize("value", ["s3cr3t ", " s3cr3t", "s3cr3t\n", "\t"])
def test_a_webhook_secret_with_white_space_around_it_is_refused_unsaid(
    name: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=f"{name} has white space") as refused:
        read_settings({name: value})
    assert "s3cr3t" not in str(refused.value)


def test_the_webhook_secret_before_a_change_counts_beside_the_current_one_only() -> None:
    before = {"WEBEX_WEBHOOK_SECRET_PREVIOUS": "old"}
    assert read_settings(before | {"WEBEX_WEBHOOK_SECRET": "new"}).webhook_secrets == ("new", "old")
    assert read_settings(before).webhook_secrets == ()
