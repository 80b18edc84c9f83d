"""Analytics: what the settings say of the views and metrics.

Belongs here: the values and their defaults. Does not: reading settings (settings.py), what is made
of them (catalog.py, metrics.py).
"""

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
OF_PERSONS = frozenset(
    {"attendance", "person_week", "presence", "speakers", "talk_time", "turn_pairs"}
)
