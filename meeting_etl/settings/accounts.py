"""[accounts.NAME] of the settings file: whose tokens there are, and where their secrets come from.

Belongs here: what may stand in such a section. Does not: reading the secrets that it names
(secret_sources.py), the rest of the file (toml_file.py), tokens and requests (webex/), which
account is asked (webex/accounts.py).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from meeting_etl.errors import SettingsError
from meeting_etl.settings.host_patterns import check_hosts, check_not_empty, check_sites
from meeting_etl.settings.secret_sources import Secrets, name_of
from meeting_etl.settings.toml_errors import sentence_of
from meeting_etl.webex.account_rights import DEFAULT, AccountRights
from meeting_etl.webex.credentials import CredentialNames, Credentials, ServiceApp
from meeting_etl.webex.token_kind import TokenKind

T = TypeVar("T")

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_SECRETS = ("access_token", "client_id", "client_secret", "refresh_token")
# The variables of the account `default`.
_VARIABLES = {key: f"WEBEX_{key.upper()}" for key in _SECRETS}
_KIND = "WEBEX_TOKEN_KIND"


class _Tokens(Struct, forbid_unknown_fields=True, frozen=True):
    """The keys of an access token, or of what it is got by; as [accounts.NAME.integration] has."""

    access_token: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    refresh_token: str | None = None

    def __post_init__(self) -> None:
        grant = (self.client_id, self.client_secret, self.refresh_token)
        if not self.access_token and not all(grant):
            raise ValueError("needs access_token, or client_id, client_secret and refresh_token")
        if self.access_token and any(grant):
            raise ValueError(
                "has access_token as well as parts of client_id, client_secret and refresh_token: "
                "remove one of the two"
            )


class _Section(_Tokens, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """[accounts.NAME]: one account at Webex."""

    kind: Literal["user", "admin", "compliance"]
    application_id: str | None = None
    target_org_id: str | None = None
    integration: dict[str, Any] | None = None
    hosts: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    requests_per_minute: Annotated[float, Meta(ge=0)] | None = None

    def __post_init__(self) -> None:
        check_hosts(self.hosts)
        check_not_empty("hosts", self.hosts)
        check_sites(self.sites)
        if self.kind != "user" and self.hosts:
            raise ValueError("hosts is for accounts of kind user; the others read all hosts")
        if self.application_id or self.target_org_id or self.integration is not None:
            self._check_service_app()
        else:
            super().__post_init__()
        if self.requests_per_minute and self.requests_per_minute < 1:
            raise ValueError("requests_per_minute must be 0 or at least 1")

    def _check_service_app(self) -> None:
        needed = ("application_id", "target_org_id", "client_id", "client_secret", "integration")
        missing = [key for key in needed if getattr(self, key) in (None, "")]
        if missing:
            raise ValueError(f"is a service app and needs {', '.join(missing)}, too")
        unused = [key for key in ("access_token", "refresh_token") if getattr(self, key)]
        if unused:
            raise ValueError(
                f"is a service app, whose integration gets its tokens: remove {unused[0]}"
            )
        if self.kind == "user":
            raise ValueError("is a service app, which must be of kind admin or compliance")


@dataclass(frozen=True, eq=False, kw_only=True)
class AccountSettings(AccountRights):
    """One account with its credentials and its rate.

    `problems` are sentences about secrets that could not be read.
    """

    credentials: Credentials | ServiceApp = field(repr=False)
    requests_per_minute: float
    problems: Sequence[str] = ()

    def check(self) -> None:
        """Raise SettingsError when a secret is missing."""
        if self.problems:
            raise SettingsError(" ".join(self.problems))
        self.credentials.check()


def read_accounts(
    sections: Mapping[str, Any],
    environ: Mapping[str, str],
    requests_per_minute: float,
    settings_file: str | None,
) -> tuple[AccountSettings, ...]:
    """The accounts of the settings file; without any, the account `default` of the variables.

    Raises SettingsError, naming section and key, and never with a secret in it. A secret that
    cannot be read is allowed here: definitions load, and tables can be read, without a token.
    """
    if not sections:
        return (_default(environ, requests_per_minute),)
    accounts = tuple(
        _account(name, content, Secrets(environ, settings_file or ""), requests_per_minute)
        for name, content in sections.items()
    )
    _check_variables(sections, environ)
    _check_tokens(accounts, settings_file)
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
    name: str, content: Any, secrets: Secrets, requests_per_minute: float
) -> AccountSettings:
    title = f"accounts.{name}"
    if not isinstance(content, Mapping):
        raise SettingsError(
            f"{secrets.settings_file}: [accounts] has {name} = …, which is not an account: give "
            "each account a section of its own, as in [accounts.admin]."
        )
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"{secrets.settings_file}: [{title}]: names of accounts have lower-case letters, "
            "digits, hyphens and underscores only."
        )
    if name == DEFAULT:
        raise SettingsError(
            f"{secrets.settings_file}: [{title}]: this is the name of the account of the variables "
            "WEBEX_…; choose another."
        )
    section = _read_section(title, content, _Section, secrets)
    rate, credentials = section.requests_per_minute, _account_credentials(title, section, secrets)
    return AccountSettings(
        name=name,
        kind=TokenKind(section.kind),
        hosts=tuple(pattern.strip() for pattern in section.hosts),
        sites=tuple(site.strip() for site in section.sites),
        credentials=credentials,
        requests_per_minute=requests_per_minute if rate is None else rate,
        problems=secrets.problems,
    )


def _read_section(title: str, content: Any, kind: type[T], secrets: Secrets) -> T:
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        sentence = sentence_of(error, {title: content}, {title: kind}, section=title)
        raise SettingsError(f"{secrets.settings_file}: {sentence}.") from None


def _account_credentials(
    title: str, section: _Section, secrets: Secrets
) -> Credentials | ServiceApp:
    own = _credentials(f"[{title}]", section, secrets)
    if not section.application_id:
        return own
    inner = f"{title}.integration"
    integration = _read_section(inner, section.integration, _Tokens, secrets)
    return ServiceApp(
        section.application_id,
        section.target_org_id or "",
        own.client_id,
        own.client_secret,
        integration=_credentials(f"[{inner}]", integration, secrets),
        names=own.names,
        section=f"[{title}]",
    )


def _credentials(section: str, tokens: _Tokens, secrets: Secrets) -> Credentials:
    values, names = list[str | None](), list[str]()
    for key in _SECRETS:
        source = getattr(tokens, key)
        values.append(secrets.read(source, section, key) if source else None)
        names.append(name_of(source, section, key) if source else key)
    return Credentials(*values, names=CredentialNames(*names))


def _check_tokens(accounts: Iterable[AccountSettings], settings_file: str | None) -> None:
    """Raise SettingsError for one token that is asked about different meetings by two names."""
    first: dict[tuple[TokenKind, str], AccountSettings] = {}
    for account in accounts:
        own = account.credentials
        other = first.setdefault((account.kind, own.digest("")), account)
        if own.secrets and other.covers != account.covers:
            raise SettingsError(
                f"{settings_file}: [accounts.{other.name}] and [accounts.{account.name}] have the "
                "same token: make one account of them, with the hosts and sites of both."
            )


def _check_variables(sections: Mapping[str, Any], environ: Mapping[str, str]) -> None:
    """Raise SettingsError for a variable of `default` that no account names: it has no effect."""
    named = set(_texts(sections))
    for variable in (*_VARIABLES.values(), _KIND):
        if environ.get(variable) and f"env:{variable}" not in named:
            raise SettingsError(
                f"{variable} is set, and the settings file has [accounts]: remove the variable, or "
                f"name it in an account, as in access_token = 'env:{_VARIABLES['access_token']}'."
            )


def _texts(content: Mapping[str, Any]) -> Iterator[str]:
    """All texts in the sections, and in the sections within them."""
    for value in content.values():
        if isinstance(value, Mapping):
            yield from _texts(value)
        else:
            yield str(value)
