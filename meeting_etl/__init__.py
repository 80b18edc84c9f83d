"""Webex meetings, recordings, participants and transcripts as day-partitioned Parquet.

Public names, loaded when first used: `connect`, `table`, `__version__`. All else is internal.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meeting_etl.lake.catalog import connect, table

__version__ = "0.1.0"
__all__ = ["__version__", "connect", "table"]


def __getattr__(name: str) -> Any:
    if name in ("connect", "table"):
        from meeting_etl.lake import catalog

        return getattr(catalog, name)
    raise AttributeError(f"module 'meeting_etl' has no attribute {name!r}")
