"""Sections data folder and Dagster: what this machine has to offer.

Belongs here: writing, space, strays, the instance and its folder. Does not: rows of tables.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from meeting_etl.cli.doctor.line import Finding, Line, look, ok, problem, skipped, warning
from meeting_etl.errors import SettingsError, StorageError
from meeting_etl.orchestration.instance_folder import check_configuration, instance_folder
from meeting_etl.schemas import TABLES
from meeting_etl.settings import Etl

_TRIAL = "state/doctor"
_GB = 10**9
_LITTLE_BYTES = 5 * _GB
_TOO_LITTLE_BYTES = _GB // 2
_MOST_SHOWN = 3
_NO_TABLE = "No table is touched by that: they lie in the lake."


def folder_lines(etl: Etl) -> list[Line]:
    """Whether the data folder can be written, and the space that is left."""
    return [
        look("data folder", "writable", lambda: _writable(etl)),
        look("data folder", "space", lambda: _space(etl)),
        look("data folder", "lake", lambda: _lake(etl)),
    ]


def dagster_lines(etl: Etl, environ: Mapping[str, str]) -> list[Line]:
    """Where the instance lies, and that it tells nobody."""
    return [
        look("Dagster", "home", lambda: _home(etl, environ)),
        look("Dagster", "instance", lambda: _instance(etl, environ)),
        look("Dagster", "telemetry", lambda: _telemetry(etl, environ)),
    ]


def _writable(etl: Etl) -> Finding:
    folder = etl.files.root
    try:
        etl.files.replace_bytes(_TRIAL, b"This file may be removed.\n")
        etl.files.remove(_TRIAL)
    except StorageError as error:
        todo = "Free space or correct the permissions, or name another with MEETING_ETL_DATA_DIR."
        return problem(str(error), todo)
    return ok(f"{folder} can be written.")


def _space(etl: Etl) -> Finding:
    free = etl.files.free_bytes()
    found = f"{free / _GB:,.1f} GB are free."
    todo = "Free some, or move the folder and set MEETING_ETL_DATA_DIR."
    if free < _TOO_LITTLE_BYTES:
        return problem(found, todo)
    if free < _LITTLE_BYTES:
        return warning(found, todo)
    return ok(found)


def _lake(etl: Etl) -> Finding:
    strays = [f"lake/{one.name}/{name}" for one in TABLES.values() for name in etl.lake.strays(one)]
    if strays:
        shown = ", ".join(strays[:_MOST_SHOWN])
        more = f" and {len(strays) - _MOST_SHOWN:,} more" if len(strays) > _MOST_SHOWN else ""
        return warning(f"Not of the lake, and not read: {shown}{more}.", "Move them elsewhere.")
    return ok("Nothing else lies in it.")


def _home(etl: Etl, environ: Mapping[str, str]) -> Finding:
    configured = environ.get("DAGSTER_HOME")
    try:
        home = instance_folder(etl.files, configured)
    except SettingsError as error:
        return problem(str(error), "Set DAGSTER_HOME to a folder that is there.")
    if not configured:
        made = "" if (home / "dagster.yaml").exists() else ", which the first run makes"
        return ok(f"{home}{made}.")
    if not (home / "dagster.yaml").exists():
        return warning(
            f"DAGSTER_HOME is {home}, where there is no dagster.yaml.",
            "Copy that of the package there, or unset DAGSTER_HOME: backfills take all places.",
        )
    return ok(f"{home}, by DAGSTER_HOME.")


def _instance(etl: Etl, environ: Mapping[str, str]) -> Finding:
    try:
        home = instance_folder(etl.files, environ.get("DAGSTER_HOME"))
    except SettingsError:
        return skipped("There is no folder to look at.")
    try:
        check_configuration(home)
    except SettingsError as error:
        return problem(str(error), _NO_TABLE)
    if not _is_made(home):
        return ok("Not made yet; the first run makes it.")
    # Loading Dagster takes a second, which only this needs.
    from meeting_etl.orchestration.instance import check_instance

    try:
        check_instance(home)
    except (SettingsError, StorageError) as error:
        return problem(str(error), _NO_TABLE)
    return ok("It can be read.")


def _is_made(home: Path) -> bool:
    """Whether there is an instance; looking at one that is not made yet would make it."""
    content = _read_yaml(home / "dagster.yaml")
    if content is None:
        return False
    elsewhere = isinstance(content, dict) and ("storage" in content or "run_storage" in content)
    return elsewhere or (home / "history").exists()


def _telemetry(etl: Etl, environ: Mapping[str, str]) -> Finding:
    try:
        home = instance_folder(etl.files, environ.get("DAGSTER_HOME"))
    except SettingsError:
        home = None
    if home is not None and not environ.get("DAGSTER_HOME") and not home.exists():
        return ok("Off from the first run on.")
    if home is not None and _is_off(home / "dagster.yaml"):
        return ok("Off.")
    return warning(
        "Not switched off by dagster.yaml; meeting-etl itself switches it off for what it starts.",
        "Set `telemetry: {enabled: false}` there for what is started otherwise.",
    )


def _is_off(path: Path) -> bool:
    content = _read_yaml(path)
    telemetry = content.get("telemetry") if isinstance(content, dict) else None
    return isinstance(telemetry, dict) and telemetry.get("enabled") is False


def _read_yaml(path: Path) -> Any:
    """What a file holds; None when it cannot be read."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
