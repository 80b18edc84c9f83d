"""MEETING_ETL_STATE: what it may be, and that no message has a piece of the password."""

import pytest

from meeting_etl.errors import SettingsError
from meeting_etl.postgres.urls import dsn_of, name_of


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql+psycopg2://me@db.example/etl", "postgresql://db.example/etl"),
        ("postgresql://me:a%40b%2Fc%25@db.example/etl", "postgresql://db.example/etl"),
        ("postgresql+psycopg2://me:a:b@db.example:5433/etl", "postgresql://db.example:5433/etl"),
        ("postgresql+psycopg2://[fd00::1]:5432/etl", "postgresql://[fd00::1]:5432/etl"),
        (
            "postgresql+psycopg2://me@a.example,b.example:2/x",
            "postgresql://a.example,b.example:2/x",
        ),
        (
            "postgresql+psycopg2://me@db.example/etl?sslmode=verify-full&sslrootcert=/etc/ca.pem",
            "postgresql://db.example/etl",
        ),
        ("postgresql+psycopg2:///etl?host=/run/postgresql", "postgresql:///etl"),
        ("postgresql+psycopg2://%2Frun%2Fpostgresql/etl", "postgresql://%2Frun%2Fpostgresql/etl"),
    ],
)
def test_urls(url: str, name: str) -> None:
    assert dsn_of(url) == "postgresql://" + url.partition("://")[2]
    assert name_of(url) == name


@pytest.mark.parametrize(
    "password",
    ["se/cret", "se@cret", "se#cret", "se?cret", "se%cret", "se[cret", "se cret", "se%00cret"],
)
def test_a_password_that_is_not_encoded_is_not_shown(password: str) -> None:
    for use in (dsn_of, name_of):
        with pytest.raises(SettingsError, match="percent-encoded") as caught:
            use(f"postgresql+psycopg2://me:{password}@db.example/etl")
        assert "cret" not in str(caught.value)


@pytest.mark.parametrize("password", ["se@cret", "se#cret", "se&cret", "se=cret", "se%cret"])
def test_nor_one_among_the_options(password: str) -> None:
    with pytest.raises(SettingsError, match="percent-encoded") as caught:
        name_of(f"postgresql+psycopg2://me@db.example/etl?password={password}")
    assert "cret" not in str(caught.value)


def test_a_url_without_its_host_is_not_shown() -> None:
    with pytest.raises(SettingsError, match="percent-encoded") as caught:
        name_of("postgresql+psycopg2://me:secret")
    assert "secret" not in str(caught.value)
