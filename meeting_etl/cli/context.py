"""What every command gets from main.py: the environment, and the Etl that is built from it.

Belongs here: that object alone. Does not: reading os.environ (main.py), settings (settings/).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from meeting_etl.times import Clock

if TYPE_CHECKING:
    from meeting_etl.settings import Etl


@dataclass(frozen=True)
class CommandContext:
    """The environment and the clock of a command."""

    environ: Mapping[str, str]
    clock: Clock | None = None

    @property
    def dagster_home(self) -> str | None:
        """The configured folder of the Dagster instance."""
        return self.environ.get("DAGSTER_HOME")

    def etl(self) -> "Etl":
        """The Etl, its settings checked: a wrong one ends the command before any work."""
        from meeting_etl.settings import Etl

        etl = Etl(self.environ, self.clock)
        etl.settings  # noqa: B018 - reading them checks them
        return etl


pass_context = click.make_pass_decorator(CommandContext)
