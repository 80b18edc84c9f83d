"""Errors of the settings file as sentences: `[fetch] threads must be at most 256, but is 300`.

Belongs here: turning msgspec's errors into words. Does not: what is allowed (toml_file.py).
"""

import re
from collections.abc import Mapping
from typing import Any, get_args, get_type_hints

import msgspec

_PATH = re.compile(r"(?P<what>.*) - at `\$(?P<path>[^`]*)`", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>.*)`")
_BOUND = re.compile(r"Expected `\w+` (?P<sign><=|>=) (?P<bound>\S+)")
_SIGNS = {"<=": "at most", ">=": "at least"}
_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text in quotes",
    "date": "a date, as in 2026-01-31",
    "array": "a list in square brackets",
    "object": "a table of its own, as in [privacy.columns]",
}


def sentence_of(
    error: msgspec.ValidationError,
    content: Mapping[str, Any],
    sections: Mapping[str, Any],
    *,
    section: str = "",
) -> str:
    """What is wrong with the content, without a full stop.

    `sections` are the types of the sections by name; `section` is given when only that one was
    read.
    """
    found = _PATH.fullmatch(str(error))
    what, path = (found["what"], found["path"]) if found else (str(error), "")
    key = path.strip(".")
    if not section:
        section, _, key = key.partition(".")
    if "[...]" in path:
        return _of_table(what, section, key.removesuffix("[...]"), content, sections)
    if unknown := _UNKNOWN.fullmatch(what):
        return _unknown(unknown["name"], section, sections)
    if missing := _MISSING.fullmatch(what):
        return f"[{section}] needs {missing['name']}"
    if not key and not what.startswith("Expected "):
        return f"[{section}] {what}"  # a sentence of toml_file.py
    if not key:
        return f"{section} must be a section: [{section}]"
    name, _, index = key.removesuffix("]").partition("[")
    value = content[section][name]
    subject = f"[{section}] {name}"
    if index:
        value = value[int(index)]
        subject += ": each entry"
    expected = _expected(what, _choices(section, name, sections))
    shown = str(value).lower() if isinstance(value, bool) else repr(value)
    return f"{subject} must be {expected}, but {'one ' if index else ''}is {shown}"


def _of_table(
    what: str, section: str, key: str, content: Mapping[str, Any], sections: Mapping[str, Any]
) -> str:
    """Of the values of a table in a section, one is not allowed; msgspec does not say which."""
    choices = [str(choice) for choice in _choices(section, key, sections)]
    wrong = {name: value for name, value in content[section][key].items() if value not in choices}
    name, value = next(iter(wrong.items()))
    subject = f"[{section}.{key}] {name}"
    if isinstance(value, dict):
        inner = next(iter(value))
        return f'{subject}: a name with a dot needs quotes, as in "{name}.{inner}" = …'
    return f"{subject} must be {_expected(what, choices)}, but is {value!r}"


def _unknown(name: str, section: str, sections: Mapping[str, Any]) -> str:
    if not section:
        return f"unknown section [{name}]; expected one of {', '.join(sections)}"
    keys = sections[section].__struct_fields__
    return f"unknown key {name} in [{section}]; expected one of {', '.join(keys)}"


def _expected(what: str, choices: list[str]) -> str:
    if what.startswith("Invalid enum value"):
        return f"one of {', '.join(choices)}"
    if bound := _BOUND.match(what):
        return f"{_SIGNS[bound['sign']]} {bound['bound'].removesuffix('.0')}"
    if "of length >= 1" in what:
        return "a list that is not empty"
    kinds = re.findall(r"\w+", what.partition(", got")[0])
    return next((_TYPES[kind] for kind in kinds if kind in _TYPES), "of another type")


def _choices(section: str, name: str, sections: Mapping[str, Any]) -> list[str]:
    """The texts that a Literal, or a list or table of them, may have."""
    kind = get_type_hints(sections[section])[name]
    if all(isinstance(text, str) for text in get_args(kind)):
        return list(get_args(kind))
    return [text for entry in get_args(kind) for text in get_args(entry)]
