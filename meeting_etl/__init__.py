"""Webex meetings, recordings, participants and transcripts as day-partitioned Parquet.

Public names, loaded when first used: `connect`, `table`, `build_defs`, `Etl`, `__version__`. All
else is internal.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meeting_etl.lake.catalog import connect
    from meeting_etl.lake.data_frame import table
    from meeting_etl.orchestration.build_defs import build_defs
    from meeting_etl.settings import Etl

__version__ = "0.1.0"
__all__ = ["Etl", "__version__", "build_defs", "connect", "table"]


def __getattr__(name: str) -> Any:
    if name == "connect":
        from meeting_etl.lake import catalog

        return catalog.connect
    if name == "table":
        from meeting_etl.lake import data_frame

        return data_frame.table
    if name == "build_defs":
        from meeting_etl.orchestration import build_defs

        return build_defs.build_defs
    if name == "Etl":
        from meeting_etl import settings

        return settings.Etl
    raise AttributeError(f"module 'meeting_etl' has no attribute {name!r}")


def __dir__() -> list[str]:
    """What a notebook offers: all public names, although they are loaded later."""
    return __all__
