"""The file of tenants: whose variables are whose, and what is wrong with it in one sentence."""

import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from meeting_etl.errors import SettingsError
from meeting_etl.settings import Etl
from meeting_etl.settings.tenants import chosen_tenant, read_tenants

TWO = """
[tenants.acme]
MEETING_ETL_DATA_DIR = "acme"
MEETING_ETL_SETTINGS = "./acme.toml"

[tenants.globex]
MEETING_ETL_DATA_DIR = "/srv/globex"
WEBEX_ACCESS_TOKEN = "env:GLOBEX_TOKEN"
WEBEX_TOKEN_KIND = "compliance"
WEBEX_REQUESTS_PER_MINUTE = 60
"""

Written = Callable[..., dict[str, str]]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """The environment with a file of tenants."""

    def write(toml: str, **environ: str) -> dict[str, str]:
        file = tmp_path / "tenants.toml"
        file.write_text(toml)
        return {"MEETING_ETL_TENANTS": str(file), **environ}

    return write


def test_each_tenant_has_its_own_folder_settings_and_token(
    written: Written, tmp_path: Path
) -> None:
    (tmp_path / "acme.toml").write_text(
        "[fetch]\nthreads = 3\n[accounts.officer]\nkind = 'compliance'\n"
        "access_token = 'env:ACME_TOKEN'\n"
    )
    environ = written(TWO, GLOBEX_TOKEN="globex-secret", ACME_TOKEN="acme-secret")
    acme, globex = (Etl.of(tenant) for tenant in read_tenants(environ))
    assert (acme.tenant, globex.tenant) == ("acme", "globex")
    # Relative paths begin in the folder of the file.
    assert acme.settings.data_dir == tmp_path / "acme"
    in_home = read_tenants(environ | written(TWO.replace('"/srv/globex"', '"~/globex"')))[1]
    assert in_home.variables["MEETING_ETL_DATA_DIR"] == str(Path.home() / "globex")
    assert globex.settings.data_dir == Path("/srv/globex")
    assert (acme.settings.threads, globex.settings.threads) == (3, 24)
    assert acme.settings.secrets == ["acme-secret"]
    assert globex.settings.secrets == ["globex-secret"]
    (account,) = globex.settings.accounts
    assert (account.kind, account.requests_per_minute) == ("compliance", 60)


def test_what_concerns_all_comes_from_the_environment(written: Written) -> None:
    common = {
        "WEBEX_BASE_URL": "https://webex.example/v1",
        "WEBEX_REQUESTS_PER_MINUTE": "120",
        "MEETING_ETL_ALERT_WEBHOOK_URL": "https://alerts.example/all",
    }
    environ = written(TWO, GLOBEX_TOKEN="globex-secret", **common)
    acme, globex = (tenant.variables for tenant in read_tenants(environ))
    assert acme.items() >= common.items()
    assert globex.items() >= (common | {"WEBEX_REQUESTS_PER_MINUTE": "60"}).items()


def test_the_documented_file_has_two(written: Written) -> None:
    document = (Path(__file__).parents[2] / "docs" / "tenants.md").read_text()
    (toml,) = re.findall(r"```toml\n(.*?)```", document, re.DOTALL)
    acme, globex = read_tenants(written(textwrap.dedent(toml)))
    assert (acme.name, globex.name) == ("acme", "globex")
    assert acme.problems == {}
    # Its token and its secret are not there.
    assert list(globex.problems) == ["WEBEX_ACCESS_TOKEN", "WEBEX_WEBHOOK_SECRET"]


def test_without_the_file_there_is_one_without_a_name() -> None:
    environ = {"MEETING_ETL_DATA_DIR": "data", "WEBEX_ACCESS_TOKEN": "token"}
    (tenant,) = read_tenants(environ)
    assert (tenant.name, tenant.variables) == ("", environ)
    assert chosen_tenant(environ) == tenant


def test_a_command_works_on_the_tenant_that_is_named(written: Written) -> None:
    environ = written(TWO, GLOBEX_TOKEN="globex-secret", MEETING_ETL_TENANT="globex")
    assert chosen_tenant(environ).variables["MEETING_ETL_DATA_DIR"] == "/srv/globex"


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({}, "Set MEETING_ETL_TENANT to one of acme, globex."),
        (
            {"MEETING_ETL_TENANT": "acem"},
            "MEETING_ETL_TENANT is 'acem', but {file} has acme, globex.",
        ),
    ],
)
def test_a_tenant_must_be_named_as_the_file_has_it(
    written: Written, environ: dict[str, str], sentence: str
) -> None:
    environ = written(TWO, GLOBEX_TOKEN="globex-secret", **environ)
    with pytest.raises(SettingsError) as raised:
        chosen_tenant(environ)
    assert str(raised.value) == sentence.format(file=environ["MEETING_ETL_TENANTS"])


def test_a_name_without_the_file_is_an_error() -> None:
    with pytest.raises(SettingsError, match="MEETING_ETL_TENANTS, the file of the tenants, is not"):
        read_tenants({"MEETING_ETL_TENANT": "acme"})


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        ("", "must have a section [tenants.NAME] for each tenant alone."),
        ("[accounts.a]\n" + TWO, "must have a section [tenants.NAME] for each tenant alone."),
        ("[tenants]\nacme = 1", "[tenants.acme] needs MEETING_ETL_DATA_DIR, a data folder"),
        ("[tenants.acme]", "[tenants.acme] needs MEETING_ETL_DATA_DIR, a data folder of its own."),
        (
            '[tenants.acme]\nMEETING_ETL_DATA_DIR = "a"\ndata = "b"',
            "unknown variable data in [tenants.acme]; expected one of WEBEX_BASE_URL, ",
        ),
        (
            '[tenants.acme]\nMEETING_ETL_DATA_DIR = "a"\nMEETING_ETL_STATE = "b"',
            "unknown variable MEETING_ETL_STATE in [tenants.acme]; expected one of WEBEX_BASE_URL",
        ),
        (
            '[tenants.acme]\nMEETING_ETL_DATA_DIR = "a"\nWEBEX_TOKEN_KIND = true',
            "[tenants.acme] WEBEX_TOKEN_KIND must be a text or a number.",
        ),
        (
            '[tenants.acme]\nMEETING_ETL_DATA_DIR = "a"\nWEBEX_ACCESS_TOKEN = "Zm9v"',
            "[tenants.acme] WEBEX_ACCESS_TOKEN must be 'env:NAME' or 'file:PATH'",
        ),
        (
            '[tenants.acme]\nMEETING_ETL_DATA_DIR="x"\n[tenants.globex]\nMEETING_ETL_DATA_DIR="./x"',
            "The tenants acme and globex have {folder}/x and {folder}/x for their data: ",
        ),
        (
            '[tenants.acme]\nMEETING_ETL_DATA_DIR="x"\n[tenants.globex]\nMEETING_ETL_DATA_DIR="x/y"',
            "The tenants acme and globex have {folder}/x and {folder}/x/y for",
        ),
    ],
)
def test_what_is_wrong_with_the_file_is_said(
    written: Written, tmp_path: Path, toml: str, sentence: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        read_tenants(written(toml))
    said = str(raised.value)
    assert said.startswith(f"{tmp_path / 'tenants.toml'}")
    assert sentence.format(folder=tmp_path.resolve()) in said
    assert "Zm9v" not in said


@pytest.mark.parametrize(
    "name", ["Acme", "acme-west", "acme__west", "_acme", "acme_", "a b", "ä", "a" * 64]
)
def test_a_name_is_one_that_dagster_takes(written: Written, name: str) -> None:
    sentence = f"[tenants.{name}]: {name!r} cannot be the name of a tenant: use lower-case letters"
    with pytest.raises(SettingsError, match=re.escape(sentence)):
        read_tenants(written(f'[tenants."{name}"]\nMEETING_ETL_DATA_DIR = "x"'))
    with pytest.raises(SettingsError, match="cannot be the name of a tenant"):
        Etl({}, tenant=name)


def test_a_link_to_the_folder_of_another_is_found(written: Written, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "y").symlink_to("x")
    with pytest.raises(SettingsError, match="The tenants acme and globex have"):
        read_tenants(
            written(
                '[tenants.acme]\nMEETING_ETL_DATA_DIR = "x"\n'
                '[tenants.globex]\nMEETING_ETL_DATA_DIR = "y"\n'
            )
        )


def test_tenants_in_buckets_have_two_folders_each_of_their_own(written: Written) -> None:
    section = (
        '[tenants.{}]\nMEETING_ETL_DATA_DIR = "s3://meetings/{}"\nMEETING_ETL_WORK_DIR = "{}"\n'
    )
    good = section.format("acme", "acme", "a") + section.format("globex", "globex", "b")
    acme, _ = (Etl.of(tenant).settings for tenant in read_tenants(written(good)))
    assert acme.location == "s3://meetings/acme"
    assert acme.data_dir.name == "a"
    for bucket, folder in (("acme/x", "b"), ("globex", "a")):
        one = section.format("acme", "acme", "a") + section.format("globex", bucket, folder)
        with pytest.raises(SettingsError, match="The tenants acme and globex have"):
            read_tenants(written(one))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = str(tmp_path / "none.toml")
    with pytest.raises(SettingsError) as raised:
        read_tenants({"MEETING_ETL_TENANTS": file})
    assert str(raised.value) == (
        f"MEETING_ETL_TENANTS: cannot read {file}: No such file or directory."
    )


def test_data_of_one_cannot_be_fetched_with_a_token_of_all(written: Written) -> None:
    with pytest.raises(SettingsError) as raised:
        read_tenants(written(TWO, GLOBEX_TOKEN="globex-secret", WEBEX_ACCESS_TOKEN="token"))
    assert str(raised.value).startswith(
        "WEBEX_ACCESS_TOKEN is set beside MEETING_ETL_TENANTS: it belongs into [tenants.NAME] of /"
    )


def test_settings_that_are_wrong_concern_their_tenant_alone(
    written: Written, tmp_path: Path
) -> None:
    (tmp_path / "acme.toml").write_text("[fetch]\nthreads = 0\n")
    acme, globex = map(Etl.of, read_tenants(written(TWO)))
    with pytest.raises(SettingsError) as raised:
        acme.settings  # noqa: B018 - reading them checks them
    assert str(raised.value) == (
        f"Tenant acme: {tmp_path}/acme.toml: [fetch] threads must be at least 1, but is 0."
    )
    with pytest.raises(SettingsError) as raised:
        globex.settings  # noqa: B018 - as above
    assert str(raised.value) == (
        f"Tenant globex: {tmp_path}/tenants.toml: [tenants.globex] WEBEX_ACCESS_TOKEN: the "
        "variable GLOBEX_TOKEN is not set."
    )
