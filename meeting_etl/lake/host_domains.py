"""Domains of the hosts of all meetings: who is internal where the settings do not say.

Belongs here: the small file that knows them, so that nobody has to read every day for it. It says
nothing that the table of meetings does not say; when it is missing it is made again. Does not: what
is made of it (catalog.py).
"""

import json
from collections.abc import Iterable
from datetime import date

from meeting_etl.lake.lake import Lake
from meeting_etl.lake.partitions import NULL_PARTITION
from meeting_etl.schemas import MEETINGS

_FILE = "lake/host_domains.json"


def host_domains(lake: Lake) -> list[str]:
    """All domains, sorted. Raises StorageError when the lake cannot be read or written."""
    known = _known(lake)
    return sorted(_all(lake) if known is None else known)


def add_host_domains(lake: Lake, days: Iterable[date]) -> None:
    """Add those of the meetings of these days."""
    with lake.files.lock("host_domains"):
        known = _known(lake)
        found = _all(lake) if known is None else known | _of(lake, days)
        if found != known:
            lake.files.replace_bytes(_FILE, json.dumps(sorted(found)).encode())


def _known(lake: Lake) -> set[str] | None:
    """What the file says; None when there is none or it is damaged."""
    try:
        content = json.loads(lake.files.read_bytes(_FILE) or b"null")
    except ValueError:
        return None
    if not isinstance(content, list) or not all(isinstance(one, str) for one in content):
        return None
    return set(content)


def _all(lake: Lake) -> set[str]:
    days = (name for name in lake.partitions(MEETINGS) if name != NULL_PARTITION)
    return _of(lake, map(date.fromisoformat, days))


def _of(lake: Lake, days: Iterable[date]) -> set[str]:
    found: set[str] = set()
    for day in days:
        column = lake.read(MEETINGS, day, columns=["host_email_domain"])["host_email_domain"]
        found.update(one for one in column.unique().to_pylist() if one)
    return found
