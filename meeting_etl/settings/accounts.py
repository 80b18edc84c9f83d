"""[accounts.NAME] of the settings file: whose tokens there are, and where their secrets come from.

Belongs here: what may stand in such a section, and reading the secrets that it names. Does not: the
rest of the file (toml_file.py), tokens and requests (webex/), which account is asked
(webex/accounts.py).
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from meeting_etl.errors import SettingsError
from meeting_etl.settings.host_patterns import check_hosts, check_not_empty, check_sites
from meeting_etl.settings.toml_errors import sentence_of
from meeting_etl.webex.account_rights import DEFAULT, AccountRights
from meeting_etl.webex.credentials import CredentialNames, Credentials
from meeting_etl.webex.token_kind import TokenKind

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_SECRETS = ("access_token", "client_id", "client_secret", "refresh_token")
# The variables of the account `default`.
_VARIABLES = {key: f"WEBEX_{key.upper()}" for key in _SECRETS}
_KIND = "WEBEX_TOKEN_KIND"


class _Section(Struct, forbid_unknown_fields=True, frozen=True):
    """[accounts.NAME]: one account at Webex."""

    kind: Literal["user", "admin", "compliance"]
    access_token: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    refresh_token: str | None = None
    hosts: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    requests_per_minute: Annotated[float, Meta(ge=0)] | None = None

    def __post_init__(self) -> None:
        check_hosts(self.hosts)
        check_not_empty("hosts", self.hosts)
        check_sites(self.sites)
        if self.kind != "user" and self.hosts:
            raise ValueError("hosts is for accounts of kind user; the others read all hosts")
        grant = (self.client_id, self.client_secret, self.refresh_token)
        if not self.access_token and not all(grant):
            raise ValueError("needs access_token, or client_id, client_secret and refresh_token")
        if self.access_token and any(grant):
            raise ValueError(
                "has access_token as well as parts of client_id, client_secret and refresh_token: "
                "remove one of the two"
            )
        if self.requests_per_minute and self.requests_per_minute < 1:
            raise ValueError("requests_per_minute must be 0 or at least 1")


@dataclass(frozen=True, eq=False, kw_only=True)
class AccountSettings(AccountRights):
    """One account with its credentials and its rate."""

    credentials: Credentials = field(repr=False)
    requests_per_minute: float


def read_accounts(
    sections: Mapping[str, Any],
    environ: Mapping[str, str],
    requests_per_minute: float,
    settings_file: str | None,
) -> tuple[AccountSettings, ...]:
    """The accounts of the settings file; without any, the account `default` of the variables.

    Raises SettingsError, naming section and key, and never with a secret in it. A variable that is
    not set is allowed here: definitions load without a token.
    """
    if not sections:
        return (_default(environ, requests_per_minute),)
    accounts = tuple(
        _account(name, content, environ, requests_per_minute, settings_file or "")
        for name, content in sections.items()
    )
    _check_variables(sections, environ)
    for account in accounts:
        if account.kind is TokenKind.USER and not account.hosts and len(accounts) > 1:
            raise SettingsError(
                f"{settings_file}: [accounts.{account.name}] needs hosts, the addresses of its "
                "owner, so that it is asked only about its own meetings."
            )
    return accounts


def _default(environ: Mapping[str, str], requests_per_minute: float) -> AccountSettings:
    secrets = [environ.get(name) or None for name in _VARIABLES.values()]
    kind = _token_kind(environ.get(_KIND) or TokenKind.USER)
    return AccountSettings(
        name=DEFAULT,
        kind=kind,
        credentials=Credentials(*secrets),
        requests_per_minute=requests_per_minute,
    )


def _token_kind(value: str) -> TokenKind:
    try:
        return TokenKind(value.strip().lower())
    except ValueError:
        kinds = ", ".join(TokenKind)
        raise SettingsError(f"{_KIND} must be one of {kinds}, but is {value!r}.") from None


def _account(
    name: str,
    content: Any,
    environ: Mapping[str, str],
    requests_per_minute: float,
    settings_file: str,
) -> AccountSettings:
    title = f"accounts.{name}"
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"{settings_file}: [{title}]: names of accounts have lower-case letters, digits, "
            "hyphens and underscores only."
        )
    try:
        section = msgspec.convert(content, _Section)
    except msgspec.ValidationError as error:
        sentence = sentence_of(error, {title: content}, {title: _Section}, section=title)
        raise SettingsError(f"{settings_file}: {sentence}.") from None
    folder = Path(settings_file).absolute().parent
    secrets, names = list[str | None](), list[str]()
    for key in _SECRETS:
        source = getattr(section, key)
        setting = f"{settings_file}: [{title}] {key}"
        secrets.append(_secret(source, setting, environ, folder) if source else None)
        names.append(f"{source.partition(':')[2]} ([{title}] {key})" if source else key)
    rate = section.requests_per_minute
    return AccountSettings(
        name=name,
        kind=TokenKind(section.kind),
        hosts=tuple(pattern.strip() for pattern in section.hosts),
        sites=tuple(site.strip() for site in section.sites),
        credentials=Credentials(*secrets, names=CredentialNames(*names)),
        requests_per_minute=requests_per_minute if rate is None else rate,
    )


def _secret(source: str, setting: str, environ: Mapping[str, str], folder: Path) -> str | None:
    """The secret that a text like env:NAME or file:PATH names; None when the variable is unset."""
    kind, _, place = source.partition(":")
    if kind == "env" and place:
        return environ.get(place) or None
    if kind == "file" and place:
        return _from_file(folder / place, setting)
    raise SettingsError(
        f"{setting} must be 'env:NAME' or 'file:PATH', which say where the secret is: secrets do "
        "not belong into this file."
    )


def _from_file(path: Path, setting: str) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise SettingsError(f"{setting}: others may read {path}; run `chmod 600 {path}`.")
            secret = file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text"
        raise SettingsError(f"{setting}: cannot read {path}: {reason}.") from None
    if not secret:
        raise SettingsError(f"{setting}: {path} is empty.")
    return secret


def _check_variables(sections: Mapping[str, Any], environ: Mapping[str, str]) -> None:
    """Raise SettingsError for a variable of `default` that no account names: it has no effect."""
    named = {text for section in sections.values() for text in map(str, section.values())}
    for variable in (*_VARIABLES.values(), _KIND):
        if environ.get(variable) and f"env:{variable}" not in named:
            raise SettingsError(
                f"{variable} is set, and the settings file has [accounts]: remove the variable, or "
                f"name it in an account, as in access_token = 'env:{_VARIABLES['access_token']}'."
            )
