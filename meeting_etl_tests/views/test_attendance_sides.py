"""Sides, domains and guests of a meeting in meeting_attendance."""

from pathlib import Path

from meeting_etl_tests.views.attending import MEETING, all_of, person, seconds
from meeting_etl_tests.views.lakes import ask


def test_participants_with_one_address_are_one_person(tmp_path: Path) -> None:
    office = person("p1", ("10:00", "10:10"), email="Ana@sales.example")
    phone = person("p2", ("10:05", "10:20"), email="ana@sales.example")
    guest = person("p3", ("10:00", "10:01"))
    assert seconds(tmp_path, office, phone, guest) == {"ana@sales.example": 1200, "guest:p3": 60}


def test_one_address_is_one_person_however_it_is_written(tmp_path: Path) -> None:
    """W9c and W15: 10:00-10:10 and 10:05-10:30 are 1,800 s; the longer one names her."""
    found = all_of(
        tmp_path,
        "email, display_name, attended_seconds",
        person("A.", ("10:00", "10:10"), email=" Ana@sales.example"),
        person("Ana Example", ("10:05", "10:30"), email="ana@sales.example "),
    )
    assert found == {"ana@sales.example": ("ana@sales.example", "Ana Example", 1800)}


def test_guests_of_one_name_are_as_many_persons(tmp_path: Path) -> None:
    guests = (person("p1", ("10:00", "10:01")), person("p2", ("10:00", "10:02")))
    named = (guest | {"display_name": "Guest"} for guest in guests)
    assert seconds(tmp_path, *named) == {"guest:p1": 60, "guest:p2": 120}


def test_sides_are_by_the_domains_of_the_hosts(tmp_path: Path) -> None:
    host = MEETING | {"host_email_domain": "sales.example"}
    people = (
        person("own", ("10:00", "10:10"), email="ana@Sales.example"),
        person("other", ("10:00", "10:10"), email="bo@customer.example"),
        person("guest", ("10:00", "10:10")),
    )
    tables = {"meetings": [host], "participants": people}
    rows = ask(tmp_path, tables, "SELECT person, side FROM attendance")
    assert dict(rows) == {
        "ana@sales.example": "internal",
        "bo@customer.example": "external",
        "guest:guest": "unknown",
    }


def test_a_day_of_guests_alone_has_sides(tmp_path: Path) -> None:
    """A file without any address: DuckDB 2.0 cannot compare split_part() of nothing but NULL."""
    host = MEETING | {"host_email_domain": "sales.example"}
    tables = {"meetings": [host], "participants": [person("p", ("10:00", "10:10"))]}
    assert ask(tmp_path, tables, "SELECT side FROM attendance") == [("unknown",)]


def test_a_domain_is_what_follows_the_last_at(tmp_path: Path) -> None:
    """And nothing after it is no domain; white space of any kind is not part of an address."""
    host = MEETING | {"host_email_domain": "sales.example"}
    addresses = ("a@b@Sales.example", "bo@", "cy", "\u2003dee@sales.example\u00a0", "@x.example")
    people = [
        person(str(number), ("10:00", "10:10"), email=address)
        for number, address in enumerate(addresses)
    ]
    rows = ask(
        tmp_path,
        {"meetings": [host], "participants": people},
        "SELECT person, side FROM attendance",
    )
    assert dict(rows) == {
        "a@b@sales.example": "internal",
        "bo@": "unknown",
        "cy": "unknown",
        "dee@sales.example": "internal",
        "@x.example": "external",
    }
