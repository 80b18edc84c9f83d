"""[accounts.NAME]: what is wrong in it is one sentence, which never has a secret in it."""

from pathlib import Path

import pytest

from meeting_etl.errors import SettingsError
from meeting_etl.settings.environment import Settings, read_settings
from meeting_etl_tests.commands import command

ADMIN = '[accounts.admin]\nkind = "admin"\naccess_token = "env:ADMIN_TOKEN"\n'
HANA = '[accounts.hana]\nkind = "user"\naccess_token = "env:HANA_TOKEN"\n'


def read(tmp_path: Path, text: str, **environ: str) -> Settings:
    file = tmp_path / "settings.toml"
    file.write_text(text)
    return read_settings({"MEETING_ETL_SETTINGS": str(file), **environ})


def test_accounts_have_what_their_sections_say(tmp_path: Path) -> None:
    hosts = 'hosts = ["hana@team.example", " *@hana.example "]\nsites = ["team.webex.example"]\n'
    more = "requests_per_minute = 600\n"
    text = ADMIN + more + HANA + hosts
    environ = {
        "ADMIN_TOKEN": "planted-1",
        "HANA_TOKEN": "planted-2",
        "WEBEX_REQUESTS_PER_MINUTE": "120",
    }
    settings = read(tmp_path, text, **environ)
    admin, hana = settings.accounts
    assert (admin.name, admin.kind, admin.credentials.secrets) == ("admin", "admin", ["planted-1"])
    assert (admin.requests_per_minute, hana.requests_per_minute) == (600, 120)
    assert hana.hosts == ("hana@team.example", "*@hana.example")
    assert hana.sites == ("team.webex.example",)
    assert "planted" not in repr(settings)


def test_a_secret_in_a_file_of_its_own(tmp_path: Path) -> None:
    secret = tmp_path / "secrets" / "admin"
    secret.parent.mkdir()
    secret.write_text("planted-in-a-file\n")
    text = ADMIN.replace("env:ADMIN_TOKEN", "file:secrets/admin")
    setting = r"settings.toml: \[accounts.admin\] access_token: "
    secret.chmod(0o640)
    with pytest.raises(SettingsError, match=f"{setting}others may read {secret}; run `chmod 600"):
        read(tmp_path, text).accounts[0].check()
    secret.chmod(0o600)
    (admin,) = read(tmp_path, text).accounts
    admin.check()
    assert admin.credentials.secrets == ["planted-in-a-file"]
    secret.write_text("planted-in-a-file\n", encoding="utf-8-sig")
    assert read(tmp_path, text).accounts[0].credentials.secrets == ["planted-in-a-file"]
    secret.write_text(" \n")
    with pytest.raises(SettingsError, match=rf"{setting}.* is empty"):
        read(tmp_path, text).accounts[0].check()
    secret.unlink()
    with pytest.raises(SettingsError, match=rf"{setting}cannot read .*: No such file or directory"):
        read(tmp_path, text).accounts[0].check()


def test_all_secrets_that_are_missing_are_named_at_once(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(ADMIN + HANA + 'hosts = ["hana@team.example"]\n')
    environ = {"MEETING_ETL_SETTINGS": str(file), "MEETING_ETL_DATA_DIR": str(tmp_path / "data")}
    for arguments, status in ((["run"], 2), (["webhooks", "list"], 2), (["status"], 0)):
        done = command(*arguments, environ=environ)
        said = " ".join(done.stderr.split())
        assert done.returncode == status
        for name, variable in (("admin", "ADMIN_TOKEN"), ("hana", "HANA_TOKEN")):
            sentence = f"[accounts.{name}] access_token: the variable {variable} is not set."
            assert (sentence in said) == (status == 2)
    assert not list((tmp_path / "data").rglob("*.parquet"))


def test_the_variables_are_the_account_default(tmp_path: Path) -> None:
    settings = read(tmp_path, "", WEBEX_ACCESS_TOKEN="one", WEBEX_TOKEN_KIND="Admin")
    (account,) = settings.accounts
    assert (account.name, account.kind, account.hosts) == ("default", "admin", ())


def test_a_variable_may_be_named_by_an_account(tmp_path: Path) -> None:
    text = ADMIN.replace("ADMIN_TOKEN", "WEBEX_ACCESS_TOKEN")
    (admin,) = read(tmp_path, text, WEBEX_ACCESS_TOKEN="one").accounts
    assert admin.credentials.secrets == ["one"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            ADMIN.replace("env:ADMIN_TOKEN", "planted-secret"),
            (
                "[accounts.admin] access_token must be 'env:NAME' or 'file:PATH', which say where "
                "the secret is: secrets do not belong into this file."
            ),
        ),
        (
            ADMIN.replace('"admin"\n', '"boss"\n'),
            "[accounts.admin] kind must be one of user, admin, compliance, but is 'boss'.",
        ),
        (
            ADMIN + 'host = ["a@b.example"]\n',
            "unknown key host in [accounts.admin]; expected one of access_token, ",
        ),
        (
            ADMIN + 'hosts = ["a@b.example"]\n',
            "[accounts.admin] hosts is for accounts of kind user; the others read all hosts.",
        ),
        (
            ADMIN + HANA,
            (
                "[accounts.hana] needs hosts, the addresses of its owner, so that it is asked only "
                "about its own meetings."
            ),
        ),
        (
            HANA + 'hosts = ["team.example"]\n',
            "which is not an e-mail address; for a whole domain write '*@team.example'.",
        ),
        (
            '[accounts.admin]\nkind = "admin"\n',
            "needs access_token, or client_id, client_secret and refresh_token",
        ),
        (
            ADMIN + 'refresh_token = "env:X"\n',
            "[accounts.admin] has access_token as well as parts of",
        ),
        (
            ADMIN + "requests_per_minute = 0.5\n",
            "[accounts.admin] requests_per_minute must be 0 or at least 1.",
        ),
        (
            ADMIN.replace("accounts.admin", 'accounts."The Admin"'),
            "names of accounts have lower-case letters, digits, hyphens and underscores only.",
        ),
        (
            ADMIN.replace("accounts.admin", "accounts.default"),
            "this is the name of the account of the variables WEBEX_…; choose another.",
        ),
        (
            '[accounts]\nkind = "admin"\naccess_token = "env:ADMIN_TOKEN"\n',
            (
                "[accounts] has kind = …, which is not an account: give each account a section of "
                "its own, as in [accounts.admin]."
            ),
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(tmp_path, text, ADMIN_TOKEN="planted-secret")
    assert sentence in str(refused.value)
    assert str(refused.value).startswith(str(tmp_path / "settings.toml"))
    assert "planted-secret" not in str(refused.value)


@pytest.mark.parametrize("variable", ["WEBEX_ACCESS_TOKEN", "WEBEX_TOKEN_KIND"])
def test_variables_that_would_have_no_effect(tmp_path: Path, variable: str) -> None:
    with pytest.raises(SettingsError, match=f"{variable} is set, and the settings file has"):
        read(tmp_path, ADMIN, **{variable: "admin"})
