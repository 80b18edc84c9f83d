"""What the published catalog was made from.

Belongs here: that note in the state, and whether the catalog is up to date; without DuckDB, which
`meeting-etl status` does not load. Does not: publishing (catalog.py).
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from meeting_etl.lake.analytics import Analytics
from meeting_etl.lake.catalog_sql import catalog_statements
from meeting_etl.lake.lake import Lake

CATALOG = "meetings.duckdb"
# Beside the catalog and not in it: analysts may hold that open in ways that let nobody read it.
_NAME = "catalog"


@dataclass(frozen=True)
class CatalogState:
    """Digests of the catalog's statements: of all of them, and without the names of time zones.

    Only DuckDB knows which names it accepts. None for what is not known.
    """

    fingerprint: str | None = None
    sources: str | None = None


def read_state(lake: Lake) -> CatalogState:
    """The state of the catalog that was published last."""
    try:
        found = json.loads(lake.state.get(_NAME) or b"{}")
        digests = {name: found.get(name) for name in ("fingerprint", "sources")}
    except (ValueError, AttributeError):
        return CatalogState()
    texts = {name: text for name, text in digests.items() if isinstance(text, str)}
    return CatalogState(**texts)


def write_state(lake: Lake, state: CatalogState) -> None:
    """Note what the catalog that is published was made from."""
    lake.state.put(_NAME, json.dumps(asdict(state)).encode())


def is_current(lake: Lake, analytics: Analytics) -> bool:
    """Whether the published catalog is the one that would be published now, or there is none."""
    published = read_state(lake).sources
    return published is None or published == sources_digest(lake, analytics)


def sources_digest(lake: Lake, analytics: Analytics) -> str:
    """The digest of all statements without the names of time zones."""
    found = catalog_statements(lake, analytics, time_zones=())
    return digest(statement for _, statements in found for statement in statements)


def digest(statements: Iterable[str]) -> str:
    """The digest of statements."""
    return hashlib.sha256("\n".join(statements).encode()).hexdigest()
