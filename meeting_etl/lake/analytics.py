"""Analytics: what the settings say about the views and metrics, and the SQL that these share.

Belongs here: the values and their defaults, and expressions that several views need. Does not:
reading settings (settings/environment.py), the views (views/), what is made of them
(catalog_sql.py, metrics.py).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Analytics:
    """Values of the section [analytics].

    `internal_domains` are the company's own, in lower case; when empty, those of the meetings'
    hosts count. Without `person_metrics` there are no metrics and no views of single persons.
    """

    internal_domains: tuple[str, ...] = ()
    person_metrics: bool = True


# Views with one row per person. Without person metrics the others inline them.
PERSON_VIEWS = frozenset(
    {"attendance", "invitations", "person_week", "presence", "speakers", "talk_time", "turn_pairs"}
)

# internal, external or unknown, by the domain alone: the address itself may not be stored.
_SIDE = """CASE
        WHEN email_domain IS NULL THEN 'unknown'
        WHEN list_contains({domains}, email_domain) THEN 'internal'
        ELSE 'external'
    END"""
# `{address:COLUMN}`: trimmed and in lower case; `{name:COLUMN}`: trimmed, runs of white space as
# one blank. Empty texts are NULL.
_OF_COLUMN = {
    "address": r"nullif(lower(regexp_replace(COLUMN, '^[\s\p{Z}]+|[\s\p{Z}]+$', '', 'g')), '')",
    "name": r"nullif(trim(regexp_replace(COLUMN, '[\s\p{Z}]+', ' ', 'g')), '')",
}


def expand(sql: str, internal_domains: Iterable[str]) -> str:
    """The SQL with expressions in place of {side}, {address:COLUMN} and {name:COLUMN}.

    {side} reads the column `email_domain`.
    """
    side = _SIDE.replace("{domains}", sql_list(internal_domains))
    return re.sub(
        r"\{(address|name):([a-z_.]+)\}",
        lambda match: _OF_COLUMN[match[1]].replace("COLUMN", match[2]),
        sql.replace("{side}", side),
    )


def sql_text(value: str) -> str:
    """A text literal in SQL."""
    return "'" + value.replace("'", "''") + "'"


def sql_list(values: Iterable[str]) -> str:
    """A list of texts in SQL."""
    return f"[{', '.join(map(sql_text, values))}]::VARCHAR[]"
