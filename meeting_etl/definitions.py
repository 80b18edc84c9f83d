"""What Dagster loads: `defs`, built from the environment.

Only this module and cli/main.py read os.environ. Loading needs no setting.
"""

import os

from meeting_etl.orchestration.build_defs import build_defs
from meeting_etl.settings import Etl
from meeting_etl.settings.tenants import read_tenants

__all__ = ["build_defs", "defs"]

defs = build_defs([Etl.of(tenant) for tenant in read_tenants(os.environ)])
