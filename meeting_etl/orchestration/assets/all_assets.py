"""The list of all assets, fitted to a data folder.

Belongs here: which there are, and what the settings and the data decide about them. Does not: what
they do (the other modules of this folder).
"""

from datetime import date

import dagster as dg

from meeting_etl.errors import SettingsError
from meeting_etl.orchestration.assets.catalog_assets import catalog_assets
from meeting_etl.orchestration.assets.day_assets import DAY_ASSETS, FILE_ASSETS
from meeting_etl.orchestration.assets.ingest_assets import INGEST_ASSETS
from meeting_etl.orchestration.assets.partitions import starting_at
from meeting_etl.orchestration.assets.reconciled_meetings import reconciled_meetings
from meeting_etl.orchestration.assets.table_asset import with_uri
from meeting_etl.settings import Etl, read_settings

_EXECUTABLE = [*INGEST_ASSETS, *DAY_ASSETS, *FILE_ASSETS, reconciled_meetings]


def all_assets(etl: Etl, first: date) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Every asset, with partitions from `first` on and the addresses of its files."""
    try:
        settings = etl.settings
    except SettingsError:
        settings = read_settings({})  # runs and sensors report what is wrong

    def fitted(spec: dg.AssetSpec) -> dg.AssetSpec:
        return with_uri(starting_at(spec, first), settings.data_dir)

    return [
        *(assets.map_asset_specs(fitted) for assets in _EXECUTABLE),
        *map(fitted, catalog_assets(person_metrics=settings.analytics.person_metrics)),
    ]
