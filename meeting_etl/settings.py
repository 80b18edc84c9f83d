"""Settings: every variable and TOML key; Etl: what is built from them, at first use.

Belongs here: names, defaults and checks of settings, and the objects that they configure. Does not:
reading os.environ, which definitions.py and cli/main.py do, nor any deed.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import Any

from meeting_etl.addresses import http_url
from meeting_etl.errors import SettingsError
from meeting_etl.files import Files
from meeting_etl.lake.analytics import Analytics
from meeting_etl.lake.lake import Lake
from meeting_etl.pipeline.auto_record.policy import Policy
from meeting_etl.pipeline.fetch.context import FetchContext
from meeting_etl.pipeline.ledger.ledger import Ledger
from meeting_etl.pipeline.ledger.schedule import AttemptSchedule
from meeting_etl.pipeline.ledger.token_history import TokenIdentity, reading_since
from meeting_etl.pipeline.ledger.work_item import OPTIONAL
from meeting_etl.pipeline.resources.all_resources import OPENED_BY
from meeting_etl.pipeline.resources.download import ByteProgress, DownloadContext
from meeting_etl.pipeline.resources.recording_files import LINKS, DownloadPolicy
from meeting_etl.pipeline.resources.transcript_files import FORMATS as TRANSCRIPT_FORMATS
from meeting_etl.schemas import LINK_COLUMNS, MEETING_SUMMARIES, RECORDING_FILES, TRANSCRIPT_FILES
from meeting_etl.times import Clock, parse_days
from meeting_etl.webex.auth import Auth, Credentials
from meeting_etl.webex.client import Client
from meeting_etl.webex.endpoints import Webex
from meeting_etl.webex.media import MediaClient
from meeting_etl.webex.rate_limit import RateLimiter
from meeting_etl.webex.token_kind import TokenKind
from meeting_etl.webex.transport import Limits
from meeting_etl.webhook_logs.logs import Logs

VARIABLES = {
    "WEBEX_BASE_URL": "API base; https://webexapis.com/v1 by default",
    "WEBEX_ACCESS_TOKEN": "a token as it is",
    "WEBEX_CLIENT_ID": "id of the integration or service app, for the refresh grant",
    "WEBEX_CLIENT_SECRET": "its secret",
    "WEBEX_REFRESH_TOKEN": "its refresh token; a changed one beats the one that is stored",
    "WEBEX_TOKEN_KIND": "user (default), admin or compliance",
    "WEBEX_REQUESTS_PER_MINUTE": "pace of all processes together, 300 by default; 0: only obey 429",
    "WEBEX_MAX_WAIT_SECONDS": "a longer Retry-After ends the run; 300 by default",
    "WEBEX_WEBHOOK_SECRET": (
        "secret of the webhooks: they are created with it, `receive` knows by it what Webex signed"
    ),
    "WEBEX_WEBHOOK_SECRET_PREVIOUS": "the secret before a change: `receive` accepts it as well",
    "MEETING_ETL_SETTINGS": "path of a TOML file for all else",
    "MEETING_ETL_DATA_DIR": "root of all files, ./data by default",
}
# Requests at once after a rest; at higher rates what a second allows, so that a commit, during
# which nothing is sent, does not cost any of the rate.
_BURST = 10
_MOST_AT_ONCE = 64
_LONGEST_INGEST_PAUSE_SECONDS = 86_400
# Nothing of a meeting comes later than a year after it, and far larger numbers are no dates.
_LONGEST_SETTLING_SECONDS = 366 * 86_400
# Names of TOML keys: section → key → type of its value.
_TOML: dict[str, dict[str, type]] = {
    "fetch": {"threads": int, "windows": bool, "summaries": bool},
    "privacy": {"store_links": bool, "honour_deletes": bool},
    "downloads": {
        "recordings": list,
        "transcripts": list,
        "hosts": list,
        "largest_bytes": int,
        "longest_seconds": int,
        "at_once": int,
        "keep_free_bytes": int,
    },
    "settling": {"after_end_seconds": list, "after_event_seconds": list},
    "reconcile": {"most_missed_share": float},
    "retention": {"dagster_runs": str, "routine_runs": str},
    "analytics": {"internal_domains": list, "person_metrics": bool},
    "ingest": {"at_most_every_seconds": int},
    "auto_record": {"hosts": list, "sites": list, "titles": list, "dry_run": bool},
}

_TOML_TYPES = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list in square brackets",
}


@dataclass(frozen=True)
class Settings:
    """All settings, typed and checked."""

    base_url: str
    credentials: Credentials = field(repr=False)
    token_kind: TokenKind
    requests_per_minute: float
    max_wait_seconds: float
    webhook_secret: str | None = field(repr=False)
    previous_webhook_secret: str | None = field(repr=False)
    data_dir: Path
    threads: int
    windows: bool
    summaries: bool
    settling: AttemptSchedule
    store_links: bool
    honour_deletes: bool
    downloads: DownloadPolicy
    transcript_formats: tuple[str, ...]
    auto_record: Policy
    most_missed_share: float
    dagster_runs_days: int
    routine_runs_days: int
    ingest_at_most_every_seconds: int
    analytics: Analytics

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The secrets with which a webhook may be signed now; the first is the current one.

        None without a current one: nothing is to be signed then.
        """
        if not self.webhook_secret:
            return ()
        return tuple(filter(None, (self.webhook_secret, self.previous_webhook_secret)))


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from variables and from the TOML file they name.

    Raises SettingsError, naming the variable or key, for a value that cannot be meant. A missing
    token is no error here: definitions load without one.
    """
    toml = _read_toml(environ.get("MEETING_ETL_SETTINGS"))
    fetch, settling = toml.get("fetch", {}), toml.get("settling", {})
    return Settings(
        base_url=_base_url(environ.get("WEBEX_BASE_URL") or "https://webexapis.com/v1"),
        credentials=Credentials(
            access_token=environ.get("WEBEX_ACCESS_TOKEN") or None,
            client_id=environ.get("WEBEX_CLIENT_ID") or None,
            client_secret=environ.get("WEBEX_CLIENT_SECRET") or None,
            refresh_token=environ.get("WEBEX_REFRESH_TOKEN") or None,
        ),
        token_kind=_token_kind(environ.get("WEBEX_TOKEN_KIND") or TokenKind.USER),
        requests_per_minute=_requests_per_minute(environ),
        max_wait_seconds=_number(environ, "WEBEX_MAX_WAIT_SECONDS", 300),
        webhook_secret=_secret(environ, "WEBEX_WEBHOOK_SECRET"),
        previous_webhook_secret=_secret(environ, "WEBEX_WEBHOOK_SECRET_PREVIOUS"),
        data_dir=_folder("MEETING_ETL_DATA_DIR", environ.get("MEETING_ETL_DATA_DIR") or "data"),
        threads=_threads(fetch.get("threads", 24)),
        windows=fetch.get("windows", True),
        summaries=fetch.get("summaries", False),
        settling=AttemptSchedule(
            **{name: _seconds(name, values) for name, values in settling.items()}
        ),
        store_links=toml.get("privacy", {}).get("store_links", False),
        honour_deletes=toml.get("privacy", {}).get("honour_deletes", False),
        downloads=_wanted(toml.get("downloads", {})),
        transcript_formats=_some_of(
            TRANSCRIPT_FORMATS, "transcripts", toml.get("downloads", {}).get("transcripts", [])
        ),
        auto_record=_policy(toml.get("auto_record", {})),
        most_missed_share=_share(toml.get("reconcile", {}).get("most_missed_share", 0.02)),
        analytics=_analytics(toml.get("analytics", {})),
        ingest_at_most_every_seconds=_ingest_pause(toml.get("ingest", {})),
        dagster_runs_days=_days_kept(toml, "dagster_runs", "30d"),
        routine_runs_days=_days_kept(toml, "routine_runs", "1d"),
    )


class Etl:
    """Everything that the pipeline works with, each part built when it is first used.

    `environ` holds the variables of VARIABLES; `clock` is the only source of time.
    """

    def __init__(self, environ: Mapping[str, str], clock: Clock | None = None) -> None:
        self._environ = dict(environ)
        self.clock = clock or Clock()
        # Called with what is worked on, how much is done and how much there is.
        self.progress: Callable[[str, int, int], None] = lambda *_: None

    @cached_property
    def settings(self) -> Settings:
        """The settings; raises SettingsError when one is wrong."""
        return read_settings(self._environ)

    @cached_property
    def files(self) -> Files:
        """The data folder."""
        return Files(self.settings.data_dir)

    @cached_property
    def lake(self) -> Lake:
        """The tables."""
        return Lake(
            self.files,
            withheld=() if self.settings.store_links else LINK_COLUMNS,
            person_metrics=self.settings.analytics.person_metrics,
        )

    @cached_property
    def logs(self) -> Logs:
        """The webhook logs."""
        return Logs(self.logs_folder)

    @property
    def logs_folder(self) -> Path:
        """Where the webhook logs lie."""
        return self.settings.data_dir / "webhook_logs"

    @cached_property
    def ledger(self) -> Ledger:
        """What was asked and what is due."""
        settling, off = self.settings.settling, self._switched_off
        return Ledger(self.lake, self.files, self.clock, settling, opened_by=OPENED_BY, off=off)

    @cached_property
    def webex(self) -> Webex:
        """The API's endpoints. Raises SettingsError when no token is set."""
        return Webex(self.client, self.settings.token_kind, self.clock)

    @cached_property
    def client(self) -> Client:
        """The connection to the API. Raises SettingsError when no token is set."""
        return self.client_with(Limits(), self.settings.max_wait_seconds)

    def client_with(self, limits: Limits, max_wait_seconds: float) -> Client:
        """A further connection to the API, as patient as is said here, at the same pace."""
        settings = self.settings
        return Client(
            settings.base_url,
            self.auth,
            self._rate_limiter(max_wait_seconds),
            self.clock,
            threads=settings.threads,
            limits=limits,
        )

    def paused_until(self) -> datetime | None:
        """When the Retry-After of a 429 ends; None when none runs."""
        return self._rate_limiter(self.settings.max_wait_seconds).paused_until()

    def _rate_limiter(self, max_wait_seconds: float) -> RateLimiter:
        rate = self.settings.requests_per_minute
        return RateLimiter(
            self.files,
            self.clock,
            requests_per_minute=rate,
            max_wait_seconds=max_wait_seconds,
            burst=max(_BURST, int(rate / 60)),
        )

    @cached_property
    def auth(self) -> Auth:
        """The token. Raises SettingsError when none is set."""
        settings = self.settings
        _check_credentials(settings.credentials)
        return Auth(settings.credentials, self.files, self.clock, base_url=settings.base_url)

    @property
    def token_identity(self) -> TokenIdentity:
        """Who reads. Raises SettingsError when no token is set."""
        return TokenIdentity(self.settings.token_kind, self.auth.token_identity, self.auth.scopes)

    @property
    def requests_sent(self) -> int:
        """Requests sent so far, none while the API was not needed."""
        return self.client.requests_sent if "client" in self.__dict__ else 0

    @property
    def switched_on(self) -> frozenset[str]:
        """Resources that are asked for because the settings say so."""
        return OPTIONAL - self._switched_off

    @property
    def _switched_off(self) -> frozenset[str]:
        settings = self.settings
        switches = {
            MEETING_SUMMARIES.name: settings.summaries,
            RECORDING_FILES.name: settings.downloads.kinds,
            TRANSCRIPT_FILES.name: settings.transcript_formats,
        }
        return frozenset(name for name, is_on in switches.items() if not is_on)

    def due_downloads(self) -> list[date]:
        """Days with recordings to download now, newest first; none while that is switched off."""
        return self.ledger.due_files() if RECORDING_FILES.name in self.switched_on else []

    def download_context(self) -> DownloadContext:
        """Where files of recordings come from and go to."""
        media = MediaClient(self.settings.base_url, self.clock)
        floor = self.settings.downloads.keep_free_bytes
        byte_progress = ByteProgress(lambda what, done, total: self.progress(what, done, total))
        return DownloadContext(self.files, media, self.clock, floor, Event(), byte_progress)

    def fetch_context(self, run_id: str, at_once: int | None = None) -> FetchContext:
        """What a fetch of the given run works with; `at_once` in the place of [fetch] threads."""
        return FetchContext(
            self.webex,
            self.clock,
            self.lake,
            self.ledger,
            run_id,
            threads=at_once or self.settings.threads,
            progress=lambda what, done, total: self.progress(what, done, total),
            reading_since=reading_since(self.files, self.token_identity, self.clock.now()),
            windows=self.settings.windows,
            honours_deletes=self.settings.honour_deletes,
        )


def _check_credentials(credentials: Credentials) -> None:
    if credentials.access_token:
        return
    grant = {
        "WEBEX_CLIENT_ID": credentials.client_id,
        "WEBEX_CLIENT_SECRET": credentials.client_secret,
        "WEBEX_REFRESH_TOKEN": credentials.refresh_token,
    }
    missing = [name for name, value in grant.items() if not value]
    if missing:
        also = "" if len(missing) == len(grant) else f" ({', '.join(missing)} is not set)"
        raise SettingsError(
            "No Webex token: set WEBEX_ACCESS_TOKEN, or WEBEX_CLIENT_ID, WEBEX_CLIENT_SECRET and "
            f"WEBEX_REFRESH_TOKEN{also}."
        )


def _read_toml(name: str | None) -> dict[str, dict[str, Any]]:
    if not name:
        return {}
    try:
        content = tomllib.loads(Path(name).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"MEETING_ETL_SETTINGS: cannot read {name}: {error}.") from error
    for section, keys in content.items():
        known = _TOML.get(section)
        if known is None or not isinstance(keys, dict):
            raise SettingsError(f"{name}: [{section}] is unknown; there are {', '.join(_TOML)}.")
        for key, value in keys.items():
            if key not in known:
                raise SettingsError(
                    f"{name}: {key} in [{section}] is unknown; there are {', '.join(known)}."
                )
            # TOML's 0 is a number like 0.0.
            if known[key] is float and type(value) is int:
                keys[key] = float(value)
            elif type(value) is not known[key]:
                raise SettingsError(
                    f"{name}: {key} in [{section}] is {value!r}; it must be "
                    f"{_TOML_TYPES[known[key]]}."
                )
    return content


def _base_url(value: str) -> str:
    # A token that is sent over plain HTTP is everybody's on the way.
    url = http_url("WEBEX_BASE_URL", value, allow_http=False)
    if set(url) & set("?#"):
        raise SettingsError("WEBEX_BASE_URL must end with its path: leave out what follows ? or #.")
    return url.rstrip("/")


def _folder(name: str, value: str) -> Path:
    """The folder, which need not be there yet."""
    path = Path(value).absolute()
    try:
        str(path).encode()
        is_file = path.exists() and not path.is_dir()
    except (OSError, ValueError):  # a name too long, not UTF-8, or with a NUL in it
        raise SettingsError(f"{name} is {str(path)!r}, which is not a usable path.") from None
    if is_file:
        raise SettingsError(f"{name} is {path}, which is a file and not a folder.")
    return path


def _secret(environ: Mapping[str, str], name: str) -> str | None:
    secret = environ.get(name) or None
    if secret and secret != secret.strip():
        raise SettingsError(
            f"{name} has white space before or after it, so that no signature would fit: remove it."
        )
    return secret


def _token_kind(value: str) -> TokenKind:
    try:
        return TokenKind(value.strip().lower())
    except ValueError:
        kinds = ", ".join(TokenKind)
        raise SettingsError(f"WEBEX_TOKEN_KIND is {value!r}; it must be one of {kinds}.") from None


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name)
    try:
        value = float(text) if text else default
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise SettingsError(f"{name} is {text!r}; it must be a number of at least 0.")
    return value


def _requests_per_minute(environ: Mapping[str, str]) -> float:
    name = "WEBEX_REQUESTS_PER_MINUTE"
    value = _number(environ, name, 300)
    if 0 < value < 1:
        raise SettingsError(f"{name} is {environ[name]!r}; it must be 0 or at least 1.")
    return value


def _threads(value: int) -> int:
    if not 1 <= value <= 256:
        raise SettingsError(f"threads in [fetch] is {value}; it must be between 1 and 256.")
    return value


def _days_kept(toml: Mapping[str, Mapping[str, Any]], name: str, default: str) -> int:
    text = toml.get("retention", {}).get(name, default)
    days = parse_days(text)
    if days is None:
        raise SettingsError(
            f"{name} in [retention] is {text!r}; it must be a number of days, as in 30d."
        )
    return days


def _ingest_pause(section: dict[str, Any]) -> int:
    value = section.get("at_most_every_seconds", 60)
    if not 1 <= value <= _LONGEST_INGEST_PAUSE_SECONDS:
        raise SettingsError(
            f"at_most_every_seconds in [ingest] is {value}; it must be between 1 and "
            f"{_LONGEST_INGEST_PAUSE_SECONDS} (a day)."
        )
    return int(value)


def _analytics(section: dict[str, Any]) -> Analytics:
    domains = _domains(section.get("internal_domains", []))
    return Analytics(domains, section.get("person_metrics", True))


def _domains(given: list[Any]) -> tuple[str, ...]:
    """Domains of addresses, in lower case."""
    for one in given:
        if not isinstance(one, str) or not one.strip() or set(one.strip()) & set("@*/: "):
            raise SettingsError(
                f"internal_domains in [analytics] has {one!r}; a domain reads like sales.example."
            )
    return tuple(one.strip().lower() for one in given)


def _share(value: float) -> float:
    if not 0 <= value <= 1:
        raise SettingsError(
            f"most_missed_share in [reconcile] is {value}; it must be between 0.0 and 1.0."
        )
    return value


def _seconds(name: str, values: list[Any]) -> tuple[int, ...]:
    numbers = [value for value in values if type(value) is int and value >= 0]
    if not values or numbers != values or numbers != sorted(numbers):
        raise SettingsError(f"{name} in [settling] must be rising whole numbers of seconds.")
    if numbers[-1] > _LONGEST_SETTLING_SECONDS:
        raise SettingsError(
            f"{name} in [settling] has {numbers[-1]}; a year, {_LONGEST_SETTLING_SECONDS} seconds, "
            "is the most."
        )
    return tuple(numbers)


def _wanted(section: dict[str, Any]) -> DownloadPolicy:
    """Downloads of recordings, which are off unless `recordings` names kinds of files."""
    numbers = {name: value for name, value in section.items() if type(value) is int}
    for name, value in numbers.items():
        if value < (name == "at_once"):
            raise SettingsError(f"{name} in [downloads] is {value}, which is too little.")
        if name == "at_once" and value > _MOST_AT_ONCE:
            raise SettingsError(f"{name} in [downloads] is {value}; {_MOST_AT_ONCE} are the most.")
    return DownloadPolicy(
        kinds=_some_of(tuple(LINKS), "recordings", section.get("recordings", [])),
        hosts=_patterns("downloads", "hosts", section.get("hosts", [])),
        **numbers,
    )


def _some_of(choices: Sequence[str], name: str, given: list[Any]) -> tuple[str, ...]:
    """The chosen ones, in the order of the choices."""
    for one in given:
        if one not in choices:
            raise SettingsError(
                f"{name} in [downloads] has {one!r}; there are {', '.join(choices)}."
            )
    return tuple(one for one in choices if one in given)


def _policy(section: dict[str, Any]) -> Policy:
    """Auto-record, which is off unless a list has lines."""
    lists = {
        name: _patterns("auto_record", name, lines)
        for name, lines in section.items()
        if name != "dry_run"
    }
    return Policy(**lists, dry_run=section.get("dry_run", False))


def _patterns(section: str, name: str, lines: list[Any]) -> tuple[str, ...]:
    """Shell patterns; one that cannot match anything is a slip that nobody would notice."""
    for line in lines:
        if not isinstance(line, str) or not line.strip():
            raise SettingsError(f"{name} in [{section}] must be texts that are not empty.")
        if name == "hosts" and not set(line) & set("@*"):
            raise SettingsError(
                f"hosts in [{section}] has {line!r}, which is no e-mail address; for all of a "
                f"domain say '*@{line}'."
            )
        if name == "sites" and set(line) & set("/@:"):
            raise SettingsError(
                f"sites in [{section}] has {line!r}, which is no site: a site is named as in "
                "site_url, without https://."
            )
    return tuple(line.strip() for line in lines)
