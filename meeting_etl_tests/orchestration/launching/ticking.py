"""Evaluating the sensor of due work, as the daemon does every 30 seconds."""

from datetime import date
from typing import Any

import dagster as dg

from meeting_etl.definitions import build_defs
from meeting_etl.orchestration.launching.sensors import due_work
from meeting_etl.settings import Etl


def ticked(etl: Etl, instance: dg.DagsterInstance, first_day: date | None = None) -> Any:
    """What one tick requests, or why it requests nothing."""
    defs = build_defs(etl, first_day=first_day)
    with dg.build_sensor_context(
        instance=instance, resources={"etl": etl}, definitions=defs
    ) as context:
        return due_work.evaluate_tick(context)
