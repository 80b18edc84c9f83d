"""Erased persons in JSON: the fields of webhook payloads and of `extra`.

Belongs here: which fields are of an erased person. Does not: who was erased (erasures.py), fields
and the policy (json_fields.py).
"""

import json
from collections.abc import Mapping
from typing import Any

from meeting_etl.privacy.erasures import Erasure, Erasures, is_erased
from meeting_etl.privacy.json_fields import columns_by_field, to_text
from meeting_etl.privacy.policy import personal_columns
from meeting_etl.schemas import ADDRESS, IDENTIFIER, NAME


def erase_fields(text: str, erasures: Erasures, meeting_id: str | None, *, column: str) -> str:
    """JSON text in which erased persons are replaced; the same text when there are none."""
    document = json.loads(text)
    erased = _value(document, erasures, meeting_id)
    if erased == document:
        return text
    return to_text(erased, column)


def erased_address(erasure: Erasure, address: str) -> str:
    """The label, with the domain in an address: it is read from there into a column of its own."""
    domain = address[address.rindex("@") :] if "@" in address and erasure.keeps_domain else ""
    return erasure.label + domain


def erased_event(erasure: Erasure) -> str:
    """The payload in the place of an event about an erased meeting: it is still an event."""
    return f'{{"resource":"erased","event":"erased","data":{{"erased":"{erasure.label}"}}}}'


def _value(value: Any, erasures: Erasures, meeting_id: str | None) -> Any:
    if isinstance(value, dict):
        is_another = _is_of_another(value, erasures)
        return {
            name: _text(name, inner, erasures, meeting_id, is_another=is_another)
            if isinstance(inner, str)
            else _value(inner, erasures, meeting_id)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_value(each, erasures, meeting_id) for each in value]
    return erasures.mentions.blank(value) if isinstance(value, str) else value


def _text(
    field: str, text: str, erasures: Erasures, meeting_id: str | None, *, is_another: bool
) -> str:
    kind = personal_columns().get(columns_by_field().get(field.lower(), ""))
    if is_erased(text):
        return text
    if kind == ADDRESS and (erasure := erasures.of_address(text)):
        return erased_address(erasure, text)
    if kind == IDENTIFIER and (erasure := erasures.of_identifier(text)):
        return erasure.label
    if kind == NAME:
        if is_another:
            return text  # somebody else has the same name
        if erasure := erasures.of_name(text, meeting_id):
            return erasure.label
    return erasures.mentions.blank(text)


def _is_of_another(document: Mapping[str, Any], erasures: Erasures) -> bool:
    """Whether an object has the address of somebody who was not erased."""
    addresses = [
        value
        for name, value in document.items()
        if personal_columns().get(columns_by_field().get(name.lower(), "")) == ADDRESS
        and isinstance(value, str)
        and value.strip()
    ]
    return any(not is_erased(value) and not erasures.of_address(value) for value in addresses)
