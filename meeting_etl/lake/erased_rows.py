"""Rows without erased persons and meetings.

Belongs here: which columns of each table describe a person, and what is left of erased rows. Does
not: who was erased (privacy/erasures.py), the column policy (written_rows.py).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from meeting_etl.lake.text_columns import mapped, mapped_structs, texts_of, with_column
from meeting_etl.privacy.erased_fields import erase_fields, erased_event
from meeting_etl.privacy.erasures import Erasure, Erasures, is_erased
from meeting_etl.privacy.mentions import BLANKED
from meeting_etl.schemas import (
    DERIVED,
    FIELDS,
    FREE_TEXT,
    NAME,
    STRUCTS,
    WEBHOOK_EVENTS,
    Column,
    Table,
)

# Columns of an event of an erased meeting that stay: where its line is, and when it was received.
_KEPT_OF_EVENT = frozenset("log_id byte_offset log_file line_number received_at".split())


@dataclass(frozen=True)
class Person:
    """The columns of a table that describe one person. Rows are `own` when they are about them."""

    address: str = ""
    name: str = ""
    identifier: str = ""
    key: str = ""
    said: str = ""
    own: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns by which a person is recognised."""
        return tuple(filter(None, (self.address, self.name, self.identifier)))


_HOST = Person("host_email", "host_display_name", "host_user_id")
PERSONS: dict[str, tuple[Person, ...]] = {
    "meetings": (_HOST,),
    "recordings": (Person("host_email"),),
    "participants": (
        Person("email", "display_name", key="participant_id", own=True),
        Person("host_email"),
    ),
    "invitees": (Person("email", "display_name", key="invitee_id", own=True),),
    "transcripts": (Person(identifier="host_user_id"),),
    "transcript_snippets": (Person("person_email", "person_name", said="text", own=True),),
    "auto_record_actions": (Person("host_email"),),
    "speaker_metrics": (Person("person", "display_name", key="speaker", own=True),),
}


# Columns of domains that are not named after the address.
_DOMAINS = {"person": "email_domain"}


def without_erased(table: Table, rows: pa.Table, erasures: Erasures) -> tuple[pa.Table, pa.Array]:
    """The rows without erased persons and meetings, and the numbers of the rows that stay."""
    kept = pa.array(range(rows.num_rows), pa.int64())
    rows, kept = _without_meetings(table, rows, kept, erasures)
    if erasures.has_persons:
        rows, kept = _without_persons(table, rows, kept, erasures)
    return rows, kept


# --- erased meetings ----------------------------------------------------------------------------


def _without_meetings(
    table: Table, rows: pa.Table, kept: pa.Array, erasures: Erasures
) -> tuple[pa.Table, pa.Array]:
    if not erasures.has_meetings or "meeting_id" not in rows.column_names:
        return rows, kept
    encoded = rows["meeting_id"].combine_chunks().dictionary_encode()
    found = [erasures.of_meeting(each) for each in encoded.dictionary.to_pylist()]
    if not any(found):
        return rows, kept
    is_erased_id = pa.array([erasure is not None for erasure in found], pa.bool_())
    mask = pc.fill_null(is_erased_id.take(encoded.indices), False)
    if table is not WEBHOOK_EVENTS:
        stays = pc.invert(mask)
        return rows.filter(stays), kept.filter(stays)
    bodies = pa.array([erasure and erased_event(erasure) for erasure in found], pa.string())
    return _blanked_events(rows, mask, bodies.take(encoded.indices)), kept


def _blanked_events(rows: pa.Table, mask: pa.Array, bodies: pa.Array) -> pa.Table:
    """Every line stays a row, of which nothing is left but where it was."""
    for number, name in enumerate(rows.column_names):
        if name not in _KEPT_OF_EVENT:
            column = rows[name].combine_chunks()
            new = {"body": bodies, "resource": "erased", "event": "erased"}.get(name)
            new = pa.nulls(rows.num_rows, column.type) if new is None else new
            rows = rows.set_column(number, rows.schema.field(name), pc.if_else(mask, new, column))
    return rows


# --- erased persons -----------------------------------------------------------------------------


def _without_persons(
    table: Table, rows: pa.Table, kept: pa.Array, erasures: Erasures
) -> tuple[pa.Table, pa.Array]:
    for person in PERSONS.get(table.name, ()):
        who = who_is_erased(rows, person, erasures)
        if not any(who):
            continue
        rows = _replaced(rows, person, who, erasures)
        stays = [not (person.own and erasure and erasure.removes_rows) for erasure in who]
        if not all(stays):
            rows, kept = rows.filter(pa.array(stays)), kept.filter(pa.array(stays))
    before = rows
    for column in table.columns:
        rows = _without_mentions(table, rows, column, erasures)
    return (_with_ids_of_bodies(before, rows) if table is WEBHOOK_EVENTS else rows), kept


def who_is_erased(rows: pa.Table, person: Person, erasures: Erasures) -> list[Erasure | None]:
    """The erased person of each row."""
    names = (person.address, person.name, person.identifier or person.key, "meeting_id")
    columns = zip(*(texts_of(rows, name) for name in names), strict=True)
    known = cache(lambda *texts: _who(erasures, *texts))  # many rows are of the same person
    return [known(*texts) for texts in columns]


def _who(
    erasures: Erasures,
    address: str | None,
    name: str | None,
    identifier: str | None,
    meeting: str | None,
) -> Erasure | None:
    erasure = _of_label(address, erasures) or erasures.of_address(address or "")
    if erasure is None:
        erasure = erasures.of_identifier(identifier or "", meeting)
    if erasure is None and not _is_address(address):
        erasure = erasures.of_name(_name_in(address) or name or "", meeting)
    return erasure


def _of_label(text: str | None, erasures: Erasures) -> Erasure | None:
    """The erasure whose label a text begins with: the rest of the row may be new."""
    if not text or not is_erased(text):
        return None
    number = text.partition(":")[2].partition("@")[0].partition(":")[0]
    return next((each for each in erasures.all if str(each.number) == number), None)


def _is_address(text: str | None) -> bool:
    return bool(text and text.strip()) and not str(text).startswith(("guest:", "name:"))


def _name_in(text: str | None) -> str | None:
    """The name in a key of speaker_metrics."""
    return text.removeprefix("name:") if text and text.startswith("name:") else None


def _replaced(
    rows: pa.Table, person: Person, who: Sequence[Erasure | None], erasures: Erasures
) -> pa.Table:
    for name in person.columns:
        rows = _changed(rows, name, who, lambda text, erasure: _label_for(text, erasure, erasures))
        domain = _DOMAINS.get(name, f"{name}_domain") if name == person.address else ""
        if domain in rows.column_names:
            rows = _changed(
                rows, domain, who, lambda text, erasure: text if erasure.keeps_domain else None
            )
    if person.key:
        rows = _changed(rows, person.key, who, _key_of(person, erasures))
    if person.said:
        rows = _changed(rows, person.said, who, lambda text, _: BLANKED if text else text)
    return rows


def _key_of(person: Person, erasures: Erasures) -> Callable[[str, Erasure], str | None]:
    if person.key == "speaker":  # the same as the person
        return lambda text, erasure: _label_for(text, erasure, erasures)
    return lambda text, erasure: erasures.replacement_of_id(erasure, text) if text else text


def _label_for(text: str | None, erasure: Erasure, erasures: Erasures) -> str | None:
    """What stands in the place of a value; keys of speaker_metrics stay different ones."""
    for prefix in ("name:", "guest:") if text else ():
        if str(text).startswith(prefix):
            return prefix + erasures.replacement_of_id(erasure, str(text).removeprefix(prefix))
    return erasure.label if text else text


def _changed(
    rows: pa.Table,
    name: str,
    who: Sequence[Erasure | None],
    change: Callable[[Any, Erasure], str | None],
) -> pa.Table:
    if name not in rows.column_names:
        return rows
    values = [
        text if erasure is None else change(text, erasure)
        for text, erasure in zip(rows[name].to_pylist(), who, strict=True)
    ]
    return with_column(rows, name, pa.array(values, pa.string()))


def _without_mentions(table: Table, rows: pa.Table, column: Column, erasures: Erasures) -> pa.Table:
    name, blank = column.name, erasures.mentions.blank
    if name not in rows.column_names:
        return rows
    if column.personal == FIELDS:
        meetings = texts_of(rows, "meeting_id")
        values = [
            text if text is None else erase_fields(text, erasures, meeting, column=name)
            for text, meeting in zip(rows[name].to_pylist(), meetings, strict=True)
        ]
        return with_column(rows, name, pa.array(values, pa.string()))
    if column.personal == FREE_TEXT:
        return with_column(rows, name, mapped(rows[name], blank))
    if column.personal in (NAME, DERIVED):
        return _without_mentions_of_guests(table, rows, name, blank)
    if column.kind == STRUCTS and any(child.personal for child in column.children):
        return with_column(rows, name, mapped_structs(rows[name], column, blank))
    return rows


def _with_ids_of_bodies(before: pa.Table, rows: pa.Table) -> pa.Table:
    """Events whose body changed have the id that it has now: that of a participant is replaced."""
    names = ("body", "resource_id")
    if not set(names) <= set(rows.column_names) or rows["body"].equals(before["body"]):
        return rows
    columns = (texts_of(before, "body"), *(texts_of(rows, name) for name in names))
    ids = [
        identifier if body == old else _id_in(body, identifier)
        for old, body, identifier in zip(*columns, strict=True)
    ]
    return with_column(rows, "resource_id", pa.array(ids, pa.string()))


def _id_in(body: str | None, identifier: str | None) -> str | None:
    data = json.loads(body or "{}").get("data")
    found = data.get("id") if isinstance(data, dict) else None
    return found if identifier and isinstance(found, str) and is_erased(found) else identifier


def _without_mentions_of_guests(
    table: Table, rows: pa.Table, name: str, blank: Callable[[str], str]
) -> pa.Table:
    """A name that contains that of an erased person, in rows without an address."""
    person = next((each for each in PERSONS.get(table.name, ()) if name == each.name), None)
    if person is None or not person.address:
        return rows
    addresses, is_address = texts_of(rows, person.address), cache(_is_address)
    values = [
        text if text is None or is_address(address) else blank(text)
        for text, address in zip(rows[name].to_pylist(), addresses, strict=True)
    ]
    return with_column(rows, name, pa.array(values, pa.string()))
