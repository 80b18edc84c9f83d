"""[accounts.NAME] of a service app: what is missing or too much is named in one sentence."""

from pathlib import Path

import pytest

from meeting_etl.errors import SettingsError
from meeting_etl.settings import read_settings
from meeting_etl.webex.credentials import ServiceApp

OWN = """
[accounts.company]
kind = "admin"
application_id = "Y2lz"
target_org_id = "b3Jn"
client_id = "env:APP_ID"
client_secret = "env:APP_SECRET"
"""
INTEGRATION = """
[accounts.company.integration]
client_id = "env:TOKENS_ID"
client_secret = "file:secrets/tokens"
refresh_token = "env:TOKENS_REFRESH"
"""
VARIABLES = {
    "APP_ID": "app-id",
    "APP_SECRET": "planted-app",
    "TOKENS_ID": "tokens-id",
    "TOKENS_REFRESH": "planted-refresh",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    secret = tmp_path / "secrets/tokens"
    secret.parent.mkdir()
    secret.touch(0o600)
    secret.write_text("planted-file\n")
    return tmp_path / "settings.toml"


def service_app(file: Path, content: str, **more: str) -> ServiceApp:
    file.write_text(content)
    settings = read_settings({"MEETING_ETL_SETTINGS": str(file), **VARIABLES, **more})
    [account] = settings.accounts
    assert isinstance(account.credentials, ServiceApp)
    assert set(account.credentials.secrets) == {*settings.secrets}
    assert "planted" not in repr(settings)
    return account.credentials


def test_its_secrets_are_read_where_the_file_says(file: Path) -> None:
    app = service_app(file, OWN + INTEGRATION)
    app.check()
    assert (app.application_id, app.target_org_id) == ("Y2lz", "b3Jn")
    assert (app.client_id, app.client_secret) == ("app-id", "planted-app")
    integration = app.integration
    assert (integration.client_id, integration.client_secret) == ("tokens-id", "planted-file")
    assert (integration.access_token, integration.refresh_token) == (None, "planted-refresh")
    assert app.secrets == ["planted-app", "planted-file", "planted-refresh"]


def test_an_access_token_of_the_integration_is_enough(file: Path) -> None:
    token = '[accounts.company.integration]\naccess_token = "env:TOKENS_REFRESH"'
    app = service_app(file, OWN + token)
    app.check()
    assert app.integration.access_token == "planted-refresh"


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        ("APP_ID", "No Webex token: set APP_ID ([accounts.company] client_id)."),
        ("APP_SECRET", "No Webex token: set APP_SECRET ([accounts.company] client_secret)."),
        (
            "TOKENS_REFRESH",
            (
                "No Webex token: set access_token, or TOKENS_ID ([accounts.company.integration] "
                "client_id), secrets/tokens ([accounts.company.integration] client_secret) and "
                "TOKENS_REFRESH ([accounts.company.integration] refresh_token) (missing: "
                "TOKENS_REFRESH ([accounts.company.integration] refresh_token))."
            ),
        ),
    ],
)
def test_a_variable_that_is_not_set_is_named_once_it_is_needed(
    file: Path, variable: str, sentence: str
) -> None:
    file.write_text(OWN + INTEGRATION)
    environ = {"MEETING_ETL_SETTINGS": str(file), **VARIABLES, variable: ""}
    [account] = read_settings(environ).accounts
    with pytest.raises(SettingsError) as missing:
        account.credentials.check()
    assert str(missing.value) == sentence


def without(key: str) -> str:
    return "".join(line for line in OWN.splitlines(keepends=True) if not line.startswith(key))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            without("kind") + INTEGRATION,
            "[accounts.company] needs kind.",
        ),
        (
            without("application_id") + INTEGRATION,
            "[accounts.company] is a service app and needs application_id, too.",
        ),
        (
            without("target_org_id") + INTEGRATION,
            "[accounts.company] is a service app and needs target_org_id, too.",
        ),
        (
            without("client_") + INTEGRATION,
            "[accounts.company] is a service app and needs client_id, client_secret, too.",
        ),
        (OWN, "[accounts.company] is a service app and needs integration, too."),
        (
            OWN + 'refresh_token = "env:X"' + INTEGRATION,
            (
                "[accounts.company] is a service app, whose integration gets its tokens: remove "
                "refresh_token."
            ),
        ),
        (
            OWN + 'access_token = "env:X"' + INTEGRATION,
            (
                "[accounts.company] is a service app, whose integration gets its tokens: remove "
                "access_token."
            ),
        ),
        (
            OWN.replace('"admin"', '"user"') + INTEGRATION,
            "[accounts.company] is a service app, which must be of kind admin or compliance.",
        ),
        (
            OWN + "[accounts.company.integration]",
            (
                "[accounts.company.integration] needs access_token, or client_id, client_secret "
                "and refresh_token."
            ),
        ),
        (
            OWN + INTEGRATION + 'access_token = "env:X"',
            (
                "[accounts.company.integration] has access_token as well as parts of client_id, "
                "client_secret and refresh_token: remove one of the two."
            ),
        ),
        (
            OWN + INTEGRATION + 'kind = "user"',
            (
                "unknown key kind in [accounts.company.integration]; expected one of "
                "access_token, client_id, client_secret, refresh_token."
            ),
        ),
        (
            OWN + INTEGRATION.replace("env:TOKENS_REFRESH", "planted"),
            (
                "[accounts.company.integration] refresh_token must be 'env:NAME' or 'file:PATH', "
                "which say where the secret is: secrets do not belong into this file."
            ),
        ),
        (
            OWN.replace("env:APP_SECRET", "planted") + INTEGRATION,
            (
                "[accounts.company] client_secret must be 'env:NAME' or 'file:PATH', which say "
                "where the secret is: secrets do not belong into this file."
            ),
        ),
        (
            OWN + "integration = 3",
            (
                "[accounts.company] integration must be a table of its own, as in "
                "[privacy.columns], but is 3."
            ),
        ),
    ],
)
def test_wrong_keys_are_named(file: Path, content: str, sentence: str) -> None:
    file.write_text(content)
    with pytest.raises(SettingsError) as refused:
        read_settings({"MEETING_ETL_SETTINGS": str(file), **VARIABLES})
    assert str(refused.value) == f"{file}: {sentence}"


def test_a_file_that_others_may_read_is_refused(file: Path) -> None:
    secret = file.parent / "secrets/tokens"
    secret.chmod(0o640)
    file.write_text(OWN + INTEGRATION)
    settings = read_settings({"MEETING_ETL_SETTINGS": str(file), **VARIABLES})
    with pytest.raises(SettingsError) as refused:
        settings.accounts[0].check()
    setting = f"{file}: [accounts.company.integration] client_secret"
    assert str(refused.value) == f"{setting}: others may read {secret}; run `chmod 600 {secret}`."


def test_a_variable_of_the_default_account_may_be_named_by_the_integration(file: Path) -> None:
    named = INTEGRATION.replace("TOKENS_REFRESH", "WEBEX_REFRESH_TOKEN")
    app = service_app(file, OWN + named, WEBEX_REFRESH_TOKEN="planted-named")
    assert app.integration.refresh_token == "planted-named"
