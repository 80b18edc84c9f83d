"""Domains of the hosts of all meetings: who is internal where the settings do not define it.

Belongs here: a small file with these domains, so that nothing has to read every day for them. It is
derived from the table of meetings and rebuilt when it is missing. Does not: what is made of it
(catalog_sql.py).
"""

import json
from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from meeting_etl.lake.partitions import NULL_PARTITION
from meeting_etl.schemas import MEETINGS

if TYPE_CHECKING:
    from meeting_etl.lake.lake import Lake

_FILE = "lake/host_domains.json"


def host_domains(lake: "Lake") -> list[str]:
    """All domains, sorted. Raises StorageError when the lake cannot be read."""
    known = _known(lake)
    return sorted(_all(lake) if known is None else known)


def add_host_domains(lake: "Lake", days: Iterable[date]) -> None:
    """Add the domains of the meetings of these days."""
    with lake.state.lock("host_domains"):
        known = _known(lake)
        domains = _all(lake) if known is None else known | _of(lake, days)
        if domains != known:
            lake.storage.replace_bytes(_FILE, json.dumps(sorted(domains)).encode())


def forget_host_domains(lake: "Lake") -> None:
    """Remove the file: it is made again of the meetings that there are."""
    with lake.state.lock("host_domains"):
        lake.storage.remove(_FILE)


def _known(lake: "Lake") -> set[str] | None:
    """The content of the file; None when it is missing or damaged."""
    try:
        content = json.loads(lake.storage.read_bytes(_FILE) or b"null")
    except ValueError:
        return None
    if not isinstance(content, list) or not all(isinstance(name, str) for name in content):
        return None
    return set(content)


def _all(lake: "Lake") -> set[str]:
    days = (name for name in lake.partitions(MEETINGS) if name != NULL_PARTITION)
    return _of(lake, map(date.fromisoformat, days))


def _of(lake: "Lake", days: Iterable[date]) -> set[str]:
    domains: set[str] = set()
    with lake.tables.read_once():
        for day in days:
            column = lake.read(MEETINGS, day, columns=["host_email_domain"])["host_email_domain"]
            domains.update(filter(None, column.unique().to_pylist()))
    return domains
