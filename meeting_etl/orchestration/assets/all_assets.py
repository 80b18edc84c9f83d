"""The list of all assets, fitted to a data folder.

Belongs here: which there are, and what the settings and the data decide about them. Does not: what
they do (the other modules of this folder).
"""

from datetime import date

import dagster as dg

from meeting_etl.errors import SettingsError
from meeting_etl.orchestration.assets.catalog_assets import catalog_assets
from meeting_etl.orchestration.assets.day_assets import day_assets
from meeting_etl.orchestration.assets.ingest_assets import INGEST_ASSETS
from meeting_etl.orchestration.assets.partitions import starting_at
from meeting_etl.orchestration.assets.reconciled_meetings import reconciled_meetings
from meeting_etl.orchestration.assets.report_asset import report
from meeting_etl.orchestration.assets.table_asset import with_uri
from meeting_etl.pipeline.ledger.work_item import OPTIONAL
from meeting_etl.report import drawing
from meeting_etl.settings import Etl


def loadable(etl: Etl) -> Etl:
    """One with default settings while the settings are broken: runs and sensors report that."""
    try:
        etl.settings  # noqa: B018
    except SettingsError:
        return Etl({})
    return etl


def all_assets(etl: Etl, first: date) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Every asset, with partitions from `first` on and the addresses of its files."""
    etl = loadable(etl)
    settings = etl.settings

    def fitted(spec: dg.AssetSpec) -> dg.AssetSpec:
        return with_uri(starting_at(spec, first), settings.location)

    found = [
        *INGEST_ASSETS,
        *day_assets(OPTIONAL - etl.switched_on),
        reconciled_meetings,
        *([report] if drawing.can_draw() else []),
        *catalog_assets(person_metrics=settings.analytics.person_metrics),
    ]
    return [
        fitted(each) if isinstance(each, dg.AssetSpec) else each.map_asset_specs(fitted)
        for each in found
    ]
