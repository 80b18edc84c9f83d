"""A Dagster instance in a folder, which neither has a home nor reports to anybody."""

import dagster as dg


def local_instance(folder: str) -> dg.DagsterInstance:
    """By default it would write what it reports below HOME, which may be nobody's."""
    return dg.DagsterInstance.local_temp(folder, overrides={"telemetry": {"enabled": False}})
