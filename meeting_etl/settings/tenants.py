"""The tenants: organizations of one deployment, each with its own variables.

Belongs here: the file that MEETING_ETL_TENANTS names, and which tenant a command works on. Does
not: the variables themselves (variables.py, environment.py), what Dagster calls the assets and jobs
of a tenant (orchestration/).
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from meeting_etl.errors import SettingsError
from meeting_etl.object_storage.urls import is_url
from meeting_etl.settings.secret_sources import Secrets
from meeting_etl.settings.toml_content import toml_content
from meeting_etl.settings.variables import SECRETS, VARIABLES, WEBHOOK_SECRETS

_FILE, _CHOSEN = "MEETING_ETL_TENANTS", "MEETING_ETL_TENANT"
_DATA_DIR, _WORK_DIR = "MEETING_ETL_DATA_DIR", "MEETING_ETL_WORK_DIR"
# Names of Dagster's have the tenant in front of two underscores, so that it must have none.
_NAME = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_LONGEST_NAME = 63
# What a tenant has from the environment unless its section has it: it says nothing of whose data
# they are.
_INHERITED = frozenset(
    {
        "WEBEX_BASE_URL",
        "WEBEX_REQUESTS_PER_MINUTE",
        "WEBEX_MAX_WAIT_SECONDS",
        "MEETING_ETL_ALERT_WEBHOOK_URL",
        "MEETING_ETL_SMTP_PASSWORD",
    }
)
_OF_THE_DEPLOYMENT = frozenset({_FILE, _CHOSEN, "MEETING_ETL_STATE"})
_OF_A_TENANT = [name for name in VARIABLES if name not in _OF_THE_DEPLOYMENT]
# Their values say where the secret is.
_SECRETS = frozenset({*SECRETS, "WEBEX_CLIENT_ID"})
_PATHS = frozenset({_DATA_DIR, _WORK_DIR, "MEETING_ETL_SETTINGS"})


@dataclass(frozen=True)
class Tenant:
    """One tenant; the only one has no name.

    `variables` is what the environment is for a single one. `problems` are sentences, by variable,
    about secrets that could not be read.
    """

    name: str
    variables: Mapping[str, str] = field(repr=False)
    problems: Mapping[str, str] = field(default_factory=dict)

    def for_receiver(self) -> "Tenant":
        """The same without problems that do not concern a receiver: it needs no token."""
        problems = {key: text for key, text in self.problems.items() if key in WEBHOOK_SECRETS}
        return replace(self, problems=problems)


def check_name(name: str) -> None:
    """Raise SettingsError for a name that a tenant cannot have."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise SettingsError(
            f"{name!r} cannot be the name of a tenant: use lower-case letters and digits, with "
            f"single underscores between them, {_LONGEST_NAME} at most."
        )


def check_folders(folders: Mapping[str, Iterable[str | Path]]) -> None:
    """Raise SettingsError for data that two tenants would share, given the folders of each name."""
    found = [(name, folder) for name, several in folders.items() for folder in several]
    for (name, folder), (other, its) in combinations(found, 2):
        first, second = _comparable(folder), _comparable(its)
        if name != other and (first.is_relative_to(second) or second.is_relative_to(first)):
            raise SettingsError(
                f"The tenants {name} and {other} have {folder} and {its} for their data: give each "
                "a folder of its own, not within that of another."
            )


def _comparable(folder: str | Path) -> PurePath:
    """What belongs to one folder is relative to it: paths, or URLs of a bucket."""
    return PurePosixPath(str(folder)) if is_url(str(folder)) else Path(folder).resolve()


def read_tenants(environ: Mapping[str, str]) -> list[Tenant]:
    """The tenants of the file; without one, the only one.

    Raises SettingsError, naming file, section and variable. What is wrong within a tenant's
    settings is found when they are read, so that it concerns no other.
    """
    file = environ.get(_FILE)
    if not file:
        if environ.get(_CHOSEN):
            raise SettingsError(f"{_CHOSEN} is set, but {_FILE}, the file of the tenants, is not.")
        return [Tenant("", environ)]
    sections = _sections(file)
    for name in _OF_A_TENANT:
        if environ.get(name) and name not in _INHERITED:
            raise SettingsError(
                f"{name} is set beside {_FILE}: it belongs into [tenants.NAME] of {file}."
            )
    tenants = [_tenant(name, content, environ, file) for name, content in sections.items()]
    try:
        check_folders({tenant.name: _folders(tenant) for tenant in tenants})
    except SettingsError as error:
        raise SettingsError(f"{file}: {error}") from None
    return tenants


def _folders(tenant: Tenant) -> list[str]:
    """Its data folder; beside a bucket also the one of this machine."""
    data_dir = tenant.variables[_DATA_DIR]
    work_dir = tenant.variables.get(_WORK_DIR) or "data"
    return [data_dir, work_dir] if is_url(data_dir) else [data_dir]


def chosen_tenant(environ: Mapping[str, str]) -> Tenant:
    """The tenant that a command works on. Raises SettingsError when several could be meant."""
    tenants = {tenant.name: tenant for tenant in read_tenants(environ)}
    if "" in tenants:
        return tenants[""]
    chosen = environ.get(_CHOSEN)
    if not chosen:
        raise SettingsError(f"Set {_CHOSEN} to one of {', '.join(tenants)}.")
    if chosen not in tenants:
        raise SettingsError(
            f"{_CHOSEN} is {chosen!r}, but {environ[_FILE]} has {', '.join(tenants)}."
        )
    return tenants[chosen]


def _sections(file: str) -> dict[str, Any]:
    content = toml_content(_FILE, file)
    sections = content.get("tenants")
    if not isinstance(sections, dict) or not sections or len(content) > 1:
        raise SettingsError(f"{file} must have a section [tenants.NAME] for each tenant alone.")
    return sections


def _tenant(name: str, content: Any, environ: Mapping[str, str], file: str) -> Tenant:
    section = f"[tenants.{name}]"
    try:
        check_name(name)
    except SettingsError as error:
        raise SettingsError(f"{file}: {section}: {error}") from None
    if not isinstance(content, Mapping) or not content.get(_DATA_DIR):
        raise SettingsError(f"{file}: {section} needs {_DATA_DIR}, a data folder of its own.")
    own, problems = dict[str, str](), dict[str, str]()
    for key, value in content.items():
        if key not in _OF_A_TENANT:
            raise SettingsError(
                f"{file}: unknown variable {key} in {section}; expected one of "
                f"{', '.join(_OF_A_TENANT)}."
            )
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise SettingsError(f"{file}: {section} {key} must be a text or a number.")
        secrets = Secrets(environ, file)
        own[key] = _value(key, str(value), section, secrets)
        if secrets.problems:
            problems[key] = " ".join(secrets.problems)
    inherited = {key: value for key, value in environ.items() if key not in (_FILE, _CHOSEN)}
    return Tenant(name, inherited | own, problems)


def _value(key: str, value: str, section: str, secrets: Secrets) -> str:
    if key in _SECRETS:
        return secrets.read(value, section, key) or ""
    if key in _PATHS and not is_url(value):
        folder = Path(secrets.settings_file).absolute().parent
        return str(folder / os.path.expanduser(value))  # noqa: PTH111 - `~` of nobody is a name
    return value
