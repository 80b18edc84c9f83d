"""Evaluating a sensor, as the daemon does every few seconds."""

from datetime import date
from typing import Any

import dagster as dg

from meeting_etl.definitions import build_defs
from meeting_etl.settings import Etl


def ticked(
    etl: Etl,
    instance: dg.DagsterInstance,
    first_day: date | None = None,
    *,
    sensor: str = "due_work",
) -> Any:
    """What one tick requests, or why it requests nothing."""
    defs = build_defs(etl, first_day=first_day)
    with dg.build_sensor_context(instance=instance, definitions=defs) as context:
        return defs.resolve_sensor_def(sensor).evaluate_tick(context)
