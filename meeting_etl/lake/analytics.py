"""Analytics: what the settings say of the views and metrics.

Belongs here: the values and their defaults, and what they mean in SQL. Does not: reading settings
(settings.py), what else is made of them (catalog.py, metrics.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Analytics:
    """Values of the section [analytics].

    `internal_domains` are the company's own, in lower case; none: those of the meetings' hosts.
    Without `person_metrics` there is no table and no view of single persons.
    """

    internal_domains: tuple[str, ...] = ()
    person_metrics: bool = True


# Views with a row a person; without them the others read the same inside of themselves.
PERSON_VIEWS = frozenset(
    {"attendance", "person_week", "presence", "speakers", "talk_time", "turn_pairs"}
)

# Which side a person is on, by the domain of the key where that is an address.
_SIDE = """CASE
        WHEN person IS NULL OR NOT regexp_matches(person, '@[^@]+$')
            OR person LIKE 'guest:%' OR person LIKE 'name:%' THEN 'unknown'
        WHEN list_contains({domains}, regexp_extract(person, '[^@]+$')) THEN 'internal'
        ELSE 'external'
    END"""


def with_sides(sql: str, internal_domains: Iterable[str]) -> str:
    """The SQL with an expression in the place of {side}; the column `person` must be there."""
    return sql.replace("{side}", _SIDE.replace("{domains}", sql_list(internal_domains)))


def sql_list(values: Iterable[str]) -> str:
    """A list of texts in SQL."""
    texts = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    return f"[{texts}]::VARCHAR[]"
