"""Faults as text: `NAME=VALUE`, as on a command line.

Belongs here: parsing such texts, and the table of all names. Does not: the faults (faults.py).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, fields
from difflib import get_close_matches
from typing import Any, NamedTuple, get_args, get_type_hints

from meeting_etl.sandbox.faults.faults import Faults

# The seed is no fault: it decides which requests the faults hit.
_OPTIONS: dict[str, Field[Any]] = {
    option.name: option for option in fields(Faults) if option.name != "seed"
}


class Described(NamedTuple):
    """A row of the table of faults."""

    name: str
    value: str
    default: str
    help: str


def described() -> list[Described]:
    """Every fault, in the order of the fields."""
    return [
        Described(name, _KINDS[name].form, _default(option), option.metadata["help"])
        for name, option in _OPTIONS.items()
    ]


def parsed(texts: Iterable[str]) -> dict[str, Any]:
    """Arguments of Faults. A flag needs no value; `meeting_status` may be given several times.

    Raises ValueError with one sentence for an unknown name, an unreadable value, or a name that is
    given twice.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, has_value, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if name not in _OPTIONS:
            raise ValueError(_unknown(name))
        new = _read(name, value.strip() if has_value else None)
        if isinstance(new, dict):
            new = found.get(name, {}) | new
        elif name in found:
            raise ValueError(f"{name} is given twice.")
        found[name] = new
    return found


class _Kind(NamedTuple):
    """How a value is written, and what reads it; it raises ValueError or KeyError."""

    form: str
    read: Callable[[str], Any]


def _kind(name: str, type_: Any) -> _Kind:
    if "shares" in _OPTIONS[name].metadata:
        return _Kind("0..1", float)
    if type_ == Mapping[str, int]:
        return _Kind("ID:STATUS", _status_by_id)
    if choices := get_args(type_):
        return _Kind("|".join(choices), {choice: choice for choice in choices}.__getitem__)
    return {
        bool: _Kind("true|false", lambda text: {"true": True, "false": False}[text.lower()]),
        int: _Kind("INTEGER", int),
        float: _Kind("NUMBER", float),
    }[type_]


def _status_by_id(text: str) -> dict[str, int]:
    meeting_id, status = text.rsplit(":", 1)
    return {meeting_id: int(status)}


_KINDS = {
    name: _kind(name, type_) for name, type_ in get_type_hints(Faults).items() if name in _OPTIONS
}


def _default(option: Field[Any]) -> str:
    return "none" if option.default is MISSING else str(option.default).lower()


def _unknown(name: str) -> str:
    close = get_close_matches(name, _OPTIONS, 1)
    hint = f"did you mean {close[0]}?" if close else "--list-faults shows all names."
    return f"There is no fault {name!r}; {hint}"


def _read(name: str, text: str | None) -> Any:
    if text is None and isinstance(_OPTIONS[name].default, bool):
        return True
    form, read = _KINDS[name]
    try:
        return read(text or "")
    except (ValueError, KeyError):
        raise ValueError(f"{name} needs a value of the form {form}, not {text or ''!r}.") from None
