"""What every command gets from main.py: the environment, and what is built from it.

Belongs here: that object alone. Does not: reading os.environ (main.py), settings (settings/).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from meeting_etl.errors import SettingsError
from meeting_etl.times import Clock

if TYPE_CHECKING:
    from meeting_etl.settings import Etl
    from meeting_etl.settings.tenants import Tenant


@dataclass(frozen=True)
class CommandContext:
    """The environment and the clock of a command."""

    environ: Mapping[str, str]
    clock: Clock | None = None

    @property
    def dagster_home(self) -> str | None:
        """The configured folder of the Dagster instance, which tenants share."""
        home = self.environ.get("DAGSTER_HOME")
        if not home and self.environ.get("MEETING_ETL_TENANTS"):
            raise SettingsError(
                "DAGSTER_HOME is not set: the Dagster instance of several tenants belongs into a "
                "folder of its own, with a dagster.yaml."
            )
        return home

    def tenants(self) -> "list[Tenant]":
        """All tenants, or the only one."""
        from meeting_etl.settings.tenants import read_tenants

        return read_tenants(self.environ)

    def tenant(self) -> "Tenant":
        """The tenant that the command works on. Raises SettingsError where it is not named."""
        from meeting_etl.settings.tenants import chosen_tenant

        return chosen_tenant(self.environ)

    def etl(self) -> "Etl":
        """Its Etl, the settings checked: a wrong one ends the command before any work."""
        return self._checked(self.tenant())

    def receivers_etl(self) -> "Etl":
        """The same for a receiver, on whose machine the tokens of a tenant need not be."""
        return self._checked(self.tenant().for_receiver())

    def _checked(self, tenant: "Tenant") -> "Etl":
        from meeting_etl.settings import Etl

        etl = Etl.of(tenant, self.clock)
        etl.settings  # noqa: B018 - reading them checks them
        return etl

    def etls(self) -> "list[Etl]":
        """Those of all tenants, the settings checked; only one where one is named."""
        from meeting_etl.settings import Etl

        if self.environ.get("MEETING_ETL_TENANT"):
            return [self.etl()]
        etls = [Etl.of(tenant, self.clock) for tenant in self.tenants()]
        for etl in etls:
            etl.settings  # noqa: B018 - as above
        return etls

    def moved_to(self, url: str, folder: Path) -> "Etl":
        """The Etl that there is after the data folder was moved to a bucket."""
        from meeting_etl.settings import Etl

        places = {"MEETING_ETL_DATA_DIR": url, "MEETING_ETL_WORK_DIR": str(folder)}
        tenant = self.tenant()
        return Etl.of(replace(tenant, variables={**tenant.variables, **places}), self.clock)


pass_context = click.make_pass_decorator(CommandContext)
