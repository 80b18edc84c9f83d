"""The settings file: its sections, keys, defaults and bounds, and reading it.

Belongs here: what may stand in the TOML file. Does not: environment variables (environment.py), the
wording of errors (toml_errors.py).
"""

import re
from datetime import date
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta, Struct, field

from meeting_etl.errors import SettingsError
from meeting_etl.privacy.policy import policy_of
from meeting_etl.schemas import FIRST_DAY
from meeting_etl.settings.host_patterns import check_hosts, check_not_empty, check_sites
from meeting_etl.settings.toml_content import toml_content
from meeting_etl.settings.toml_errors import sentence_of
from meeting_etl.times import parse_days

# Nothing of a meeting appears later than a year after it.
_YEAR_SECONDS = 366 * 86_400
_DAY_SECONDS = 86_400

Seconds = Annotated[int, Meta(ge=0, le=_YEAR_SECONDS)]
Times = Annotated[tuple[Seconds, ...], Meta(min_length=1)]
NotNegative = Annotated[int, Meta(ge=0)]


class Fetch(Struct, forbid_unknown_fields=True, frozen=True):
    """[fetch]: requests to Webex."""

    threads: Annotated[int, Meta(ge=1, le=256)] = 24
    windows: bool = True
    summaries: bool = False
    invitees: bool = False


class Privacy(Struct, forbid_unknown_fields=True, frozen=True):
    """[privacy]: what is stored, who may read it, and what is removed when Webex removes it."""

    preset: Literal["none", "pseudonymous", "minimal"] = "none"
    columns: dict[str, Literal["keep", "hash", "drop"]] = field(default_factory=dict)
    store_links: bool = False
    honour_deletes: bool = False
    file_mode: str | None = None

    def __post_init__(self) -> None:
        policy_of(self.preset, self.columns)
        if self.file_mode is not None:
            _check_file_mode(self.file_mode)


class Downloads(Struct, forbid_unknown_fields=True, frozen=True):
    """[downloads]: which files of recordings and transcripts are downloaded; none by default."""

    recordings: tuple[Literal["video", "audio", "transcript"], ...] = ()
    transcripts: tuple[Literal["vtt", "txt"], ...] = ()
    hosts: tuple[str, ...] = ()
    largest_bytes: NotNegative | None = None
    longest_seconds: NotNegative | None = None
    at_once: Annotated[int, Meta(ge=1, le=64)] = 4
    runs: Annotated[int, Meta(ge=1, le=64)] = 1
    keep_free_bytes: NotNegative = 5 * 10**9

    def __post_init__(self) -> None:
        check_hosts(self.hosts)


class Settling(Struct, forbid_unknown_fields=True, frozen=True):
    """[settling]: when work items are due."""

    after_end_seconds: Times = (900, 3_600, 21_600, 86_400, 259_200)
    after_event_seconds: Times = (0, 900, 3_600, 21_600, 86_400)

    def __post_init__(self) -> None:
        for name in ("after_end_seconds", "after_event_seconds"):
            times = getattr(self, name)
            if list(times) != sorted(times):
                raise ValueError(f"{name} must be in rising order, but is {list(times)}")


class Reconcile(Struct, forbid_unknown_fields=True, frozen=True):
    """[reconcile]: the nightly comparison with the listings of Webex."""

    most_missed_share: Annotated[float, Meta(ge=0, le=1)] = 0.02


class Checks(Struct, forbid_unknown_fields=True, frozen=True):
    """[checks]: what the nightly checks warn about."""

    most_rejected_share: Annotated[float, Meta(ge=0, le=1)] = 0.01


class AlertsSection(Struct, forbid_unknown_fields=True, frozen=True):
    """[alerts]: e-mail when a run or a check fails, and links in alerts; off by default."""

    email_to: tuple[str, ...] = ()
    email_from: str = ""
    smtp_host: str = ""
    smtp_port: Annotated[int, Meta(ge=1, le=65_535)] = 587
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    ui_url: str = ""

    def __post_init__(self) -> None:
        if self.email_to and not (self.email_from and self.smtp_host):
            raise ValueError("email_to needs email_from and smtp_host")
        if self.smtp_user and self.smtp_security == "none":
            raise ValueError("smtp_user needs smtp_security = 'starttls' or 'tls'")


class Retention(Struct, forbid_unknown_fields=True, frozen=True):
    """[retention]: how long runs and data are kept; data without a key are kept for good."""

    dagster_runs: str = "30d"
    routine_runs: str = "1d"
    snippets: str | None = None
    summaries: str | None = None
    participants: str | None = None
    events: str | None = None
    media: str | None = None
    transcript_files: str | None = None
    meetings: str | None = None
    keep_metrics: bool = True

    @property
    def days(self) -> dict[str, int]:
        """The number of days by retention group, for the groups that have one."""
        runs = ("dagster_runs", "routine_runs")
        texts = {name: getattr(self, name) for name in self.__struct_fields__ if name not in runs}
        texts["metrics"] = None if texts.pop("keep_metrics") else self.snippets
        return {name: parse_days(text) or 0 for name, text in texts.items() if text is not None}

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            text = getattr(self, name)
            if isinstance(text, str) and parse_days(text) is None:
                raise ValueError(f"{name} must be a number of days, as in 30d, but is {text!r}")


class AnalyticsSection(Struct, forbid_unknown_fields=True, frozen=True):
    """[analytics]: the views and metrics."""

    internal_domains: tuple[str, ...] = ()
    person_metrics: bool = True

    def __post_init__(self) -> None:
        for domain in self.internal_domains:
            if not domain.strip() or set(domain.strip()) & set("@*/: "):
                raise ValueError(
                    f"internal_domains has {domain!r}, which is not a domain such as sales.example"
                )


class Ingest(Struct, forbid_unknown_fields=True, frozen=True):
    """[ingest]: how often the sensor ingests new webhook log lines."""

    at_most_every_seconds: Annotated[int, Meta(ge=1, le=_DAY_SECONDS)] = 60


class Partitions(Struct, forbid_unknown_fields=True, frozen=True):
    """[partitions]: the days that Dagster shows."""

    first_day: date | None = None

    def __post_init__(self) -> None:
        if self.first_day and self.first_day < FIRST_DAY:
            raise ValueError(f"first_day must be at least {FIRST_DAY}, but is {self.first_day}")


class AutoRecord(Struct, forbid_unknown_fields=True, frozen=True):
    """[auto_record]: for which meetings recording is switched on; none by default."""

    hosts: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    dry_run: bool = False

    def __post_init__(self) -> None:
        check_hosts(self.hosts)
        check_sites(self.sites)
        check_not_empty("titles", self.titles)


class SettingsFile(Struct, forbid_unknown_fields=True, frozen=True):
    """The whole file. What is in `accounts` is checked in accounts.py."""

    fetch: Fetch = field(default_factory=Fetch)
    privacy: Privacy = field(default_factory=Privacy)
    downloads: Downloads = field(default_factory=Downloads)
    settling: Settling = field(default_factory=Settling)
    reconcile: Reconcile = field(default_factory=Reconcile)
    checks: Checks = field(default_factory=Checks)
    alerts: AlertsSection = field(default_factory=AlertsSection)
    retention: Retention = field(default_factory=Retention)
    analytics: AnalyticsSection = field(default_factory=AnalyticsSection)
    ingest: Ingest = field(default_factory=Ingest)
    partitions: Partitions = field(default_factory=Partitions)
    auto_record: AutoRecord = field(default_factory=AutoRecord)
    accounts: dict[str, Any] = field(default_factory=dict)


def read_toml_file(name: str | None) -> SettingsFile:
    """The file of that name, or all defaults. Raises SettingsError naming file, section and key."""
    if not name:
        return SettingsFile()
    content = toml_content("MEETING_ETL_SETTINGS", name)
    try:
        return msgspec.convert(content, SettingsFile)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"{name}: {sentence_of(error, content, get_type_hints(SettingsFile))}."
        ) from error


def _check_file_mode(text: str) -> None:
    if not re.fullmatch("0?[0-7]{3}", text):
        raise ValueError(f"file_mode must be octal digits, as in '0640', but is {text!r}")
    mode = int(text, 8)
    if mode & 0o600 != 0o600:
        raise ValueError(f"file_mode must let the owner read and write, but is {text!r}")
    if mode & 0o002:
        raise ValueError(f"file_mode must not let everybody write, but is {text!r}")
    if mode & 0o111:
        raise ValueError(
            f"file_mode must not have execute bits (folders get theirs), but is {text!r}"
        )
