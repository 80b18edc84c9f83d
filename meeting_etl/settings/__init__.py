"""Settings, and the objects that are built from them. Public names are loaded when first used."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meeting_etl.settings.environment import Settings, read_settings
    from meeting_etl.settings.etl import Etl

__all__ = ["Etl", "Settings", "read_settings"]


def __getattr__(name: str) -> Any:
    if name == "Etl":
        from meeting_etl.settings import etl

        return etl.Etl
    if name in ("Settings", "read_settings"):
        from meeting_etl.settings import environment

        return getattr(environment, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
