"""How a response can be wrong although its status is 200.

Belongs here: what each fault does to one response. Does not: which request meets which
(picking.py), faults of several pages (damaged_pages.py).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from meeting_etl.sandbox.faults.reply import Reply
from meeting_etl.sandbox.world.model import seeded_rng

_FILTERS_KEPT = ("max", "cursor")
# Fields that may have another type: of every object the first that it has.
_CHANGEABLE = ("durationSeconds", "displayName", "meetingTopic", "personName", "title", "siteUrl")
_TEXT_FIELD = re.compile(r'("(?:text|topic|meetingTopic|displayName|title)":")')
HTML = "<html><body><h1>Something went wrong</h1></body></html>"


def _html_page(reply: Reply, query: Mapping[str, str]) -> bool:
    reply.document, reply.content_type, reply.next_query = HTML, "text/html", None
    reply.status = 200
    return True


def _wrong_content_type(reply: Reply, query: Mapping[str, str]) -> bool:
    reply.content_type = "text/plain;charset=UTF-8"
    return not isinstance(reply.document, str)


def _item_errors(reply: Reply, query: Mapping[str, str]) -> bool:
    if isinstance(reply.document, str) or not reply.document.get("items"):
        return False
    items = reply.document["items"]
    place = len(items) // 2
    errors = {"title": {"code": "kms_failure", "reason": "Key management server failed."}}
    items[place] = {"id": items[place]["id"], "errors": errors}
    return True


def _repeated_next_link(reply: Reply, query: Mapping[str, str]) -> bool:
    if reply.next_query is None:
        return False
    reply.next_query = dict(query)
    return True


def _unfiltered_next_link(reply: Reply, query: Mapping[str, str]) -> bool:
    if reply.next_query is None or set(reply.next_query) <= set(_FILTERS_KEPT):
        return False
    left = {name: value for name, value in reply.next_query.items() if name in _FILTERS_KEPT}
    reply.next_query = left
    return True


def _foreign_next_link(reply: Reply, query: Mapping[str, str]) -> bool:
    if reply.next_query is None:
        return False
    reply.next_host = "localhost"
    return True


DAMAGES: dict[str, Callable[[Reply, Mapping[str, str]], bool]] = {
    "html_page": _html_page,
    "wrong_content_type": _wrong_content_type,
    "item_errors": _item_errors,
    "repeated_next_link": _repeated_next_link,
    "unfiltered_next_link": _unfiltered_next_link,
    "foreign_next_link": _foreign_next_link,
}


def resize(reply: Reply, seed: int, share: float) -> None:
    """Give recordings a wrong sizeBytes, the same one in every response."""
    for item in reply.items:
        real = item.get("sizeBytes")
        if real is None:
            continue
        rng = seeded_rng(seed, "wrong_sizes", item["id"])
        if rng.random() < share:
            off, is_less = rng.randint(1, 4096), rng.random() < 0.5
            item["sizeBytes"] = real - off if is_less and off <= real else real + off


def _numbers_in_strings(reply: Reply) -> None:
    if not isinstance(reply.document, str):
        reply.document = _with_strings(reply.document)


def _with_strings(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_strings(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_with_strings(part) for part in value]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if number else value


def _unknown_fields(reply: Reply) -> None:
    for item in reply.items:
        item["sentiment"] = {"score": 7, "words": ["calm", "brisk"]}
        item["futureField"] = True


def _changed_types(reply: Reply) -> None:
    for item in reply.items:
        name = next((name for name in _CHANGEABLE if name in item), None)
        if name is not None:
            item[name] = {"value": item[name]}


def _missing_meeting_ids(reply: Reply) -> None:
    named = [item for item in reply.items if "meetingId" in item]
    for number, item in enumerate(named):
        if number % 3 == 0:
            item["meetingId"] = ""
        elif number % 3 == 1:
            del item["meetingId"]


def _halved_characters(reply: Reply) -> None:
    """As JavaScript leaves a text that it cut off within an emoji."""
    if not isinstance(reply.document, str):
        text = msgspec.json.encode(reply.document).decode()
        reply.document = _TEXT_FIELD.sub(r"\1\\ud83d", text)


CHANGES: dict[str, Callable[[Reply], None]] = {
    "numbers_in_strings": _numbers_in_strings,
    "unknown_fields": _unknown_fields,
    "changed_types": _changed_types,
    "missing_meeting_ids": _missing_meeting_ids,
    # Last: it leaves nothing but text for others to change.
    "halved_characters": _halved_characters,
}
