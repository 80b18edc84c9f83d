import duckdb
from hypothesis import given
from hypothesis import strategies as st

from meeting_etl.lake.analytics import expand
from meeting_etl.privacy.pseudonyms import (
    Pseudonyms,
    is_replaced,
    normalized_address,
    normalized_name,
)

# Digests made with `openssl dgst -sha256 -hmac 0123456789abcdef`.
KEY = b"0123456789abcdef"
ADA = "anon-d0bc2b17111ffbd0398db3b8df9f3425@sales.example"
ADA_LOVELACE = "anon-17b4be2cac64c505f7fe2316f8363436"
USER = "anon-99e48a626bb88b4c1605b6a230b2fd60"

pseudonyms = Pseudonyms(KEY)


def test_an_address_keeps_its_domain_and_nothing_else() -> None:
    assert pseudonyms.address("ada@sales.example") == ADA
    assert pseudonyms.address("  Ada@Sales.Example\u00a0") == ADA
    assert pseudonyms.address("no address") == pseudonyms.address("NO ADDRESS ")
    assert "address" not in pseudonyms.address("no address")


def test_a_name_is_the_same_in_any_case_and_spacing() -> None:
    assert pseudonyms.name("Ada Lovelace") == ADA_LOVELACE
    assert pseudonyms.name(" ADA\u3000 lovelace ") == ADA_LOVELACE
    assert pseudonyms.identifier("u-1") == USER
    assert pseudonyms.identifier("U-1") != USER


def test_what_is_replaced_stays_and_so_does_what_is_blank() -> None:
    for text in (ADA, "erased:3", "erased:3:0a1b", "erased:3@sales.example", "", " \t"):
        assert pseudonyms.address(text) == text
    assert pseudonyms.name(ADA_LOVELACE) == ADA_LOVELACE
    assert not is_replaced("anon-ymous@sales.example")
    assert pseudonyms.address("anon-ymous@sales.example") != "anon-ymous@sales.example"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12))
def test_texts_are_alike_where_the_views_take_them_for_alike(text: str) -> None:
    address, name = duckdb.execute(
        expand("SELECT {address:text}, lower({name:text}) FROM (SELECT $1 AS text)", ()), [text]
    ).fetchall()[0]
    assert (normalized_address(text) or None, normalized_name(text) or None) == (address, name)
