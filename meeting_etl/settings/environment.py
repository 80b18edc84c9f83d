"""Environment variables and the settings file as one typed, checked object.

Belongs here: reading each variable, checking it, and Settings. Does not: reading os.environ
(definitions.py and cli/main.py do), the settings file (toml_file.py), what is built from settings
(etl.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from meeting_etl.addresses import http_url
from meeting_etl.errors import SettingsError
from meeting_etl.lake.analytics import Analytics
from meeting_etl.pipeline.auto_record.policy import Policy
from meeting_etl.pipeline.ledger.schedule import AttemptSchedule
from meeting_etl.pipeline.resources.download_policy import DownloadPolicy
from meeting_etl.privacy.key import PRIVACY_KEY, checked_key
from meeting_etl.privacy.policy import DROP, HASH, KEEP, ColumnPolicy, policy_of
from meeting_etl.settings.accounts import AccountSettings, read_accounts
from meeting_etl.settings.alerts import SMTP_PASSWORD, WEBHOOK_URL, Alerts, Mail, webhook_url
from meeting_etl.settings.data_folder import bucket, data_dir
from meeting_etl.settings.toml_file import SettingsFile, read_toml_file
from meeting_etl.times import parse_days
from meeting_etl.webex.token_kind import TokenKind

_SHORTEST_SECRET = 8
# Columns by whose values speakers and participants are joined.
_SAME_PERSON = (("email", "person_email"), ("display_name", "person_name"))


@dataclass(frozen=True)
class Settings:
    """All settings, typed and checked."""

    base_url: str
    accounts: tuple[AccountSettings, ...]
    max_wait_seconds: float
    webhook_secret: str | None = field(repr=False)
    previous_webhook_secret: str | None = field(repr=False)
    state_url: str | None = field(repr=False)
    data_dir: Path
    bucket: str | None
    file_mode: int | None
    threads: int
    windows: bool
    summaries: bool
    invitees: bool
    settling: AttemptSchedule
    policy: ColumnPolicy
    privacy_key: str | None = field(repr=False)
    honour_deletes: bool
    downloads: DownloadPolicy
    transcript_formats: tuple[str, ...]
    auto_record: Policy
    most_missed_share: float
    most_rejected_share: float
    alerts: Alerts
    dagster_runs_days: int
    routine_runs_days: int
    retention_days: Mapping[str, int]
    ingest_at_most_every_seconds: int
    first_day: date | None
    analytics: Analytics

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The secrets that events may be signed with, the current one first.

        Empty without a current one: events are not signed then.
        """
        if not self.webhook_secret:
            return ()
        return tuple(filter(None, (self.webhook_secret, self.previous_webhook_secret)))

    @property
    def location(self) -> str | Path:
        """Where the tables are: the URL of a bucket's folder, or the data folder."""
        return self.bucket or self.data_dir

    @property
    def needs_hosts(self) -> bool:
        """Whether requests need the addresses of hosts."""
        is_user = self.accounts[0].kind is TokenKind.USER
        return len(self.accounts) > 1 or not is_user or bool(self.accounts[0].hosts)

    @property
    def secrets(self) -> list[str]:
        """Every configured secret that is long enough to be no common word."""
        configured = (
            *(secret for account in self.accounts for secret in account.credentials.secrets),
            self.webhook_secret,
            self.previous_webhook_secret,
            self.alerts.webhook_url,
            self.alerts.mail and self.alerts.mail.password,
            self.privacy_key,
            self.state_url,
        )
        return [secret for secret in configured if secret and len(secret) >= _SHORTEST_SECRET]


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from the variables and from the TOML file that they name.

    Raises SettingsError, naming the variable or key, for a value that is not allowed. A missing
    token is allowed: definitions load without one.
    """
    file = read_toml_file(environ.get("MEETING_ETL_SETTINGS"))
    settings = _settings(file, environ)
    _check_policy(settings)
    return settings


def _settings(file: SettingsFile, environ: Mapping[str, str]) -> Settings:
    return Settings(
        base_url=_base_url(environ.get("WEBEX_BASE_URL") or "https://webexapis.com/v1"),
        accounts=read_accounts(
            file.accounts,
            environ,
            _requests_per_minute(environ),
            environ.get("MEETING_ETL_SETTINGS"),
        ),
        max_wait_seconds=_number(environ, "WEBEX_MAX_WAIT_SECONDS", 300),
        webhook_secret=_secret(environ, "WEBEX_WEBHOOK_SECRET"),
        previous_webhook_secret=_secret(environ, "WEBEX_WEBHOOK_SECRET_PREVIOUS"),
        state_url=environ.get("MEETING_ETL_STATE") or None,
        data_dir=data_dir(environ),
        bucket=bucket(environ),
        file_mode=int(file.privacy.file_mode, 8) if file.privacy.file_mode else None,
        threads=file.fetch.threads,
        windows=file.fetch.windows,
        summaries=file.fetch.summaries,
        invitees=file.fetch.invitees,
        settling=AttemptSchedule(
            file.settling.after_end_seconds, file.settling.after_event_seconds
        ),
        policy=policy_of(
            file.privacy.preset, file.privacy.columns, stores_links=file.privacy.store_links
        ),
        privacy_key=checked_key(environ.get(PRIVACY_KEY)),
        honour_deletes=file.privacy.honour_deletes,
        downloads=_download_policy(file),
        transcript_formats=_in_order(("vtt", "txt"), file.downloads.transcripts),
        auto_record=_policy(file),
        most_missed_share=file.reconcile.most_missed_share,
        most_rejected_share=file.checks.most_rejected_share,
        alerts=_alerts(file, environ),
        dagster_runs_days=parse_days(file.retention.dagster_runs) or 0,
        routine_runs_days=parse_days(file.retention.routine_runs) or 0,
        retention_days=file.retention.days,
        ingest_at_most_every_seconds=file.ingest.at_most_every_seconds,
        first_day=file.partitions.first_day,
        analytics=_analytics(file),
    )


def _check_policy(settings: Settings) -> None:
    """Raise SettingsError where the column policy contradicts what else is configured."""
    policy = settings.policy
    if policy.of("host_email") is DROP and settings.needs_hosts:
        kinds = ", ".join(sorted({account.kind for account in settings.accounts}))
        raise SettingsError(
            "[privacy] columns has host_email = 'drop', but an organization-wide token, and the "
            f"choice among several accounts, needs the address of the host (here: {kinds}). Use "
            "'hash': the addresses are then kept in state/ only."
        )
    for name, same in _SAME_PERSON:
        if {policy.of(name), policy.of(same)} == {KEEP, HASH}:
            raise SettingsError(
                f"[privacy] keeps one of {name} and {same} and hashes the other, so that speakers "
                "would not be found among the participants: treat both alike."
            )
    patterns = [
        f"[{name}] hosts"
        for name, hosts in (
            ("downloads", settings.downloads.hosts),
            ("auto_record", settings.auto_record.hosts),
        )
        if hosts
    ]
    if policy.of("host_email") is DROP and patterns:
        raise SettingsError(
            f"[privacy] columns has host_email = 'drop', but {' and '.join(patterns)} cannot match "
            "an address that is not stored. Use 'hash', or remove one of the two."
        )
    treated = [name for name in ("person_name", "text") if policy.of(name) is not KEEP]
    with_words = settings.transcript_formats or "transcript" in settings.downloads.kinds
    if treated and with_words:
        raise SettingsError(
            "[downloads] stores names and words of transcripts as Webex has them (transcripts, or "
            f"transcript in recordings), but [privacy] does not keep {' and '.join(treated)}. "
            "Remove one of the two."
        )


def _download_policy(file: SettingsFile) -> DownloadPolicy:
    section = file.downloads
    return DownloadPolicy(
        kinds=_in_order(("video", "audio", "transcript"), section.recordings),
        hosts=_stripped(section.hosts),
        largest_bytes=section.largest_bytes,
        longest_seconds=section.longest_seconds,
        at_once=section.at_once,
        runs=section.runs,
        keep_free_bytes=section.keep_free_bytes,
    )


def _alerts(file: SettingsFile, environ: Mapping[str, str]) -> Alerts:
    section = file.alerts
    mail = Mail(
        _stripped(section.email_to),
        section.email_from,
        section.smtp_host,
        section.smtp_port,
        section.smtp_security,
        section.smtp_user,
        _secret(environ, SMTP_PASSWORD),
    )
    ui_url = section.ui_url and http_url("[alerts] ui_url", section.ui_url, allow_http=True)
    return Alerts(
        webhook_url(environ.get(WEBHOOK_URL)), mail if mail.to else None, ui_url.rstrip("/")
    )


def _policy(file: SettingsFile) -> Policy:
    section = file.auto_record
    return Policy(
        hosts=_stripped(section.hosts),
        sites=_stripped(section.sites),
        titles=_stripped(section.titles),
        dry_run=section.dry_run,
    )


def _analytics(file: SettingsFile) -> Analytics:
    domains = tuple(domain.lower() for domain in _stripped(file.analytics.internal_domains))
    return Analytics(domains, file.analytics.person_metrics)


def _in_order(choices: Sequence[str], chosen: Iterable[str]) -> tuple[str, ...]:
    """The chosen ones in the order of the choices, each once."""
    chosen = set(chosen)
    return tuple(choice for choice in choices if choice in chosen)


def _stripped(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(text.strip() for text in texts)


def _base_url(value: str) -> str:
    # Over plain HTTP anyone on the way could read the token.
    url = http_url("WEBEX_BASE_URL", value, allow_http=False)
    if set(url) & set("?#"):
        raise SettingsError(
            "WEBEX_BASE_URL must end with its path: remove ? or # and what follows."
        )
    return url.rstrip("/")


def _secret(environ: Mapping[str, str], name: str) -> str | None:
    secret = environ.get(name) or None
    if secret and secret != secret.strip():
        raise SettingsError(
            f"{name} has white space at its start or end, so it would not match: remove it."
        )
    return secret


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name)
    try:
        value = float(text) if text else default
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise SettingsError(f"{name} must be a number of at least 0, but is {text!r}.")
    return value


def _requests_per_minute(environ: Mapping[str, str]) -> float:
    name = "WEBEX_REQUESTS_PER_MINUTE"
    value = _number(environ, name, 300)
    if 0 < value < 1:
        raise SettingsError(f"{name} must be 0 or at least 1, but is {environ[name]!r}.")
    return value
