"""Evaluating the sensor of due work, as the daemon does every 30 seconds."""

from typing import Any

import dagster as dg

from meeting_etl.definitions import build_defs
from meeting_etl.orchestration.launching.sensors import due_work
from meeting_etl.settings import Etl


def ticked(etl: Etl, instance: dg.DagsterInstance) -> Any:
    """What one tick requests, or why it requests nothing."""
    with dg.build_sensor_context(
        instance=instance, resources={"etl": etl}, definitions=build_defs(etl)
    ) as context:
        return due_work.evaluate_tick(context)
