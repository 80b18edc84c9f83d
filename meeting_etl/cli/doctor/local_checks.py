"""Sections settings, data folder and Dagster: what is checked on this machine alone.

Belongs here: settings without their secrets, disk, foreign files in the lake, the Dagster instance.
Does not: whether the token works (token_checks.py), nor rows of tables (lake_checks.py).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from meeting_etl.addresses import without_credentials
from meeting_etl.cli.doctor.finding import (
    CheckResult,
    Finding,
    ok,
    problem,
    run_check,
    skipped,
    warning,
)
from meeting_etl.errors import SettingsError, StorageError
from meeting_etl.lake.host_domains import host_domains
from meeting_etl.lake.moved import check_in_use
from meeting_etl.orchestration.instance.instance_folder import check_configuration, instance_folder
from meeting_etl.schemas import TABLES
from meeting_etl.settings import Etl
from meeting_etl.settings.accounts import AccountSettings
from meeting_etl.webex.account_rights import DEFAULT
from meeting_etl.webex.token_kind import TokenKind
from meeting_etl.webex.webhook_spec import read_webhook_spec

_TRIAL_FILE = "state/doctor"
_GB = 10**9
_LITTLE_BYTES = 5 * _GB
_TOO_LITTLE_BYTES = _GB // 2
_MOST_SHOWN = 3
_NO_TABLE = "This affects no table: they are in the lake."


def settings_checks(etl: Etl, settings_file: str | None) -> list[CheckResult]:
    """What is configured. `settings_file`: MEETING_ETL_SETTINGS."""
    file = f"Using {settings_file}." if settings_file else "No settings file; using defaults."
    return [
        run_check("settings", "file", lambda: ok(file)),
        run_check("settings", "API", lambda: ok(without_credentials(etl.settings.base_url))),
        run_check("settings", "credentials", lambda: _credentials(etl)),
        run_check("settings", "internal domains", lambda: _internal_domains(etl)),
        run_check("settings", "webhook secret", lambda: _webhook_secret(etl)),
    ]


def unreadable_settings(error: SettingsError) -> CheckResult:
    """The only result for settings that cannot be read."""
    todo = "Correct it, then run `meeting-etl doctor` again."
    return run_check("settings", "values", lambda: problem(str(error), todo))


def moved_checks(etl: Etl) -> list[CheckResult]:
    """The only result for a data folder that was moved to a bucket, or has not arrived there.

    Also where the libraries for the bucket are missing.
    """
    try:
        storage = etl.storage
    except SettingsError:
        return [run_check("bucket", "libraries", lambda: ok(str(etl.storage)))]
    try:
        check_in_use(storage)
    except SettingsError as error:
        finding = problem(str(error), "Set the variables, or finish the move.")
        return [run_check("data folder", "in use", lambda: finding)]
    except StorageError:
        return []  # the other checks say it
    return []


def folder_checks(etl: Etl) -> list[CheckResult]:
    """Whether the data folder can be written, and the space that is left."""
    return [
        run_check("data folder", "writable", lambda: _writable(etl)),
        run_check("data folder", "space", lambda: _space(etl)),
        run_check("data folder", "lake", lambda: _lake(etl)),
    ]


def dagster_checks(etl: Etl, environ: Mapping[str, str]) -> list[CheckResult]:
    """The folder of the instance, the instance, and its telemetry."""
    if etl.tenant and not environ.get("DAGSTER_HOME"):
        missing = problem(
            "DAGSTER_HOME is not set, so that nothing can run here.",
            "Set it to the folder that tenants share, unless this machine only receives events.",
        )
        return [run_check("Dagster", "home", lambda: missing)]
    return [
        run_check("Dagster", "home", lambda: _home(etl, environ)),
        run_check("Dagster", "instance", lambda: _instance(etl, environ)),
        run_check("Dagster", "telemetry", lambda: _telemetry(etl, environ)),
    ]


def _credentials(etl: Etl) -> Finding:
    try:
        etl.check_tokens()
    except SettingsError as error:
        return problem(str(error), "Set these variables where meeting-etl runs.")
    if len(etl.connections) > 1 or etl.settings.accounts[0].name != DEFAULT:
        return ok(f"Accounts: {_by_kind(etl.settings.accounts)}.")
    kind = etl.settings.accounts[0].kind
    if etl.settings.accounts[0].credentials.access_token:
        return ok(f"WEBEX_ACCESS_TOKEN is set, WEBEX_TOKEN_KIND is {kind}.")
    return ok(f"The three variables of the refresh grant are set, WEBEX_TOKEN_KIND is {kind}.")


def _by_kind(accounts: Sequence[AccountSettings]) -> str:
    """Their names by kind; the first few of many."""
    found = []
    for kind in TokenKind:
        names = [account.name for account in accounts if account.kind is kind]
        if (more := len(names) - _MOST_SHOWN) > 1:
            names[_MOST_SHOWN:] = [f"{more:,} more"]
        if names:
            found.append(f"{', '.join(names)} ({kind})")
    return "; ".join(found)


def _internal_domains(etl: Etl) -> Finding:
    """Who is internal in the views."""
    if domains := etl.settings.analytics.internal_domains:
        return ok(f"[analytics] internal_domains: {', '.join(domains)}.")
    found = host_domains(etl.lake)
    if not found:
        return ok("Not set; the domains of the meetings' hosts will be used.")
    return ok(f"Not set; the domains of the meetings' hosts are used: {', '.join(found)}.")


def _webhook_secret(etl: Etl) -> Finding:
    if etl.settings.webhook_secret:
        return ok("WEBEX_WEBHOOK_SECRET is set.")
    if read_webhook_spec(etl.state) is None:
        return ok("WEBEX_WEBHOOK_SECRET is not set; webhooks and receiver need it.")
    return warning(
        "WEBEX_WEBHOOK_SECRET is not set, although webhooks are expected.",
        "Set it here and for the receiver; without it anybody can post events.",
    )


def _writable(etl: Etl) -> Finding:
    try:
        etl.files.replace_bytes(_TRIAL_FILE, b"This file may be removed.\n")
        etl.files.remove(_TRIAL_FILE)
    except StorageError as error:
        setting = "MEETING_ETL_WORK_DIR" if etl.settings.bucket else "MEETING_ETL_DATA_DIR"
        todo = f"Free space, correct the permissions, or set {setting} to another folder."
        return problem(str(error), todo)
    return ok(f"{etl.files.root} can be written.")


def _space(etl: Etl) -> Finding:
    free_bytes = etl.files.free_bytes()
    found = f"{free_bytes / _GB:,.1f} GB are free."
    todo = "Free some space, or move the folder and set MEETING_ETL_DATA_DIR."
    if free_bytes < _TOO_LITTLE_BYTES:
        return problem(found, todo)
    if free_bytes < _LITTLE_BYTES:
        return warning(found, todo)
    return ok(found)


def _lake(etl: Etl) -> Finding:
    strays = [
        f"lake/{table.name}/{name}"
        for table in TABLES.values()
        for name in etl.lake.tables.strays(table)
    ]
    if strays:
        shown = ", ".join(strays[:_MOST_SHOWN])
        more = f" and {len(strays) - _MOST_SHOWN:,} more" if len(strays) > _MOST_SHOWN else ""
        return warning(f"Ignored, not part of the lake: {shown}{more}.", "Move them elsewhere.")
    return ok("It contains no foreign files.")


def _home(etl: Etl, environ: Mapping[str, str]) -> Finding:
    configured = environ.get("DAGSTER_HOME")
    try:
        home = instance_folder(etl.files, configured)
    except SettingsError as error:
        return problem(str(error), "Set DAGSTER_HOME to an existing folder.")
    if not configured:
        is_made = (home / "dagster.yaml").exists()
        return ok(f"{home}." if is_made else f"{home}, created by the first run.")
    if not (home / "dagster.yaml").exists():
        return warning(
            f"DAGSTER_HOME is {home}, which has no dagster.yaml.",
            "Copy the one of the package there, or unset DAGSTER_HOME: without it backfills may "
            "use all run slots.",
        )
    return ok(f"{home}, set by DAGSTER_HOME.")


def _instance(etl: Etl, environ: Mapping[str, str]) -> Finding:
    try:
        home = instance_folder(etl.files, environ.get("DAGSTER_HOME"))
    except SettingsError:
        return skipped("There is no folder to check.")
    try:
        check_configuration(home)
    except SettingsError as error:
        return problem(str(error), _NO_TABLE)
    if not _is_made(home):
        return ok("Not created yet; the first run creates it.")
    # Importing Dagster takes a second, and only this check needs it.
    from meeting_etl.orchestration.instance.instance import check_instance

    try:
        check_instance(home)
    except (SettingsError, StorageError) as error:
        return problem(str(error), _NO_TABLE)
    return ok("It can be read.")


def _is_made(home: Path) -> bool:
    """Whether the instance exists; checking one that does not would create it."""
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
        "Not switched off in dagster.yaml; meeting-etl switches it off for what it starts itself.",
        "Set `telemetry: {enabled: false}` there for everything else that is started.",
    )


def _is_off(path: Path) -> bool:
    content = _read_yaml(path)
    telemetry = content.get("telemetry") if isinstance(content, dict) else None
    return isinstance(telemetry, dict) and telemetry.get("enabled") is False


def _read_yaml(path: Path) -> Any:
    """A file's content; None when it cannot be read."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
