"""Erased persons in JSON: the fields of webhook payloads and of `extra`.

Belongs here: which fields are of an erased person. Does not: who was erased (erasures.py), fields
and the policy (json_fields.py).
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from meeting_etl.privacy.erasures import Erasure, Erasures, is_erased
from meeting_etl.privacy.json_fields import columns_by_field, to_text
from meeting_etl.privacy.policy import personal_columns
from meeting_etl.schemas import ADDRESS, IDENTIFIER, NAME

_ADDRESSES_OF_NAMES = {
    "host_display_name": "host_email",
    "display_name": "email",
    "person_name": "person_email",
}


def erase_fields(text: str, erasures: Erasures, meeting_id: str | None, *, column: str) -> str:
    """JSON text in which erased persons are replaced; the same text when there are none."""
    twice: list[str] = []
    try:
        document = json.loads(text, object_pairs_hook=lambda pairs: _object(pairs, twice))
        erased = _value(document, erasures, meeting_id)
        # Of a field that is given twice only the last value was looked at.
        return text if erased == document and not twice else to_text(erased, column)
    except RecursionError:
        return "{}"  # as the policy does with what is nested so deeply


def _object(pairs: list[tuple[str, Any]], twice: list[str]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        twice.append("")
    return document


def erased_address(erasure: Erasure, address: str) -> str:
    """The label, with the domain in an address: it is read from there into a column of its own."""
    domain = address[address.rindex("@") :] if "@" in address and erasure.keeps_domain else ""
    return erasure.label + domain


def erased_event(erasure: Erasure) -> str:
    """The payload in the place of an event about an erased meeting: it is still an event."""
    return f'{{"resource":"erased","event":"erased","data":{{"erased":"{erasure.label}"}}}}'


def _value(value: Any, erasures: Erasures, meeting_id: str | None) -> Any:
    if isinstance(value, dict):
        erased = {
            name: _text(name, inner, erasures, meeting_id, value)
            if isinstance(inner, str)
            else _value(inner, erasures, meeting_id)
            for name, inner in value.items()
        }
        own = _erasure_of_id(value, erasures, meeting_id)
        return erased | ({"id": erasures.replacement_of_id(own, value["id"])} if own else {})
    if isinstance(value, list):
        return [_value(each, erasures, meeting_id) for each in value]
    return erasures.mentions.blank(value) if isinstance(value, str) else value


def _text(
    field: str,
    text: str,
    erasures: Erasures,
    meeting_id: str | None,
    document: Mapping[str, Any],
) -> str:
    column = _column_of(field)
    kind = personal_columns().get(column)
    if is_erased(text):
        return text
    if kind == ADDRESS and (erasure := erasures.of_address(text)):
        return erased_address(erasure, text)
    if kind == IDENTIFIER and (erasure := erasures.of_identifier(text)):
        return erasure.label
    if kind == NAME:
        address = _address_beside(column, document)
        # Somebody else may have the same name.
        erasure = erasures.of_address(address) if address else erasures.of_name(text, meeting_id)
        if address or erasure:
            return erasure.label if erasure else text
    return erasures.mentions.blank(text)


def _column_of(field: str) -> str:
    return columns_by_field().get(field.lower(), "")


def _address_beside(column: str, document: Mapping[str, Any]) -> str | None:
    """The address of the person whom a column names, in an object that has both."""
    wanted = _ADDRESSES_OF_NAMES.get(column)
    for name, value in document.items():
        if _column_of(name) == wanted and isinstance(value, str) and value.strip():
            return value
    return None


def ids_of_erased(text: bytes | str, erasures: Erasures) -> set[str]:
    """Ids of participants and invitees in JSON text with the address of an erased person."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return set()
    return set(_ids(document, erasures))


def _ids(value: Any, erasures: Erasures) -> Iterator[str]:
    if isinstance(value, dict):
        if _erasure_of_id(value, erasures, None):
            yield value["id"]
        for inner in value.values():
            yield from _ids(inner, erasures)
    elif isinstance(value, list):
        for inner in value:
            yield from _ids(inner, erasures)
    elif isinstance(value, str) and value.lstrip().startswith("{"):
        yield from ids_of_erased(value, erasures)


def _erasure_of_id(
    document: Mapping[str, Any], erasures: Erasures, meeting_id: str | None
) -> Erasure | None:
    """The erased person whom the id of an object is about: that of a participant or invitee."""
    identifier, address = document.get("id"), document.get("email")
    if not isinstance(identifier, str) or is_erased(identifier):
        return None
    of_address = erasures.of_address(address) if isinstance(address, str) else None
    named = document.get("meetingId")
    meeting_id = named if isinstance(named, str) else meeting_id
    return of_address or erasures.of_identifier(identifier, meeting_id)
