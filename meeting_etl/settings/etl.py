"""Etl: the objects that the settings configure, each built when it is first used.

Belongs here: which object gets which setting. Does not: reading settings (environment.py), any
work.
"""

from collections.abc import Callable, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from meeting_etl.errors import SettingsError
from meeting_etl.files import Files
from meeting_etl.pipeline.ledger.due_days import FileQueue, Queue
from meeting_etl.pipeline.ledger.work_item import OPTIONAL
from meeting_etl.privacy.privacy import Privacy
from meeting_etl.schemas import (
    INVITEES,
    MEETING_SUMMARIES,
    RECORDING_FILES,
    TRANSCRIPT_FILES,
)
from meeting_etl.settings.environment import Settings, read_settings
from meeting_etl.state import LocalState, State
from meeting_etl.times import Clock
from meeting_etl.webex.bucket import Bucket, FileBucket
from meeting_etl.webex.credentials import Credentials
from meeting_etl.webex.token_kind import TokenKind

# Loaded when used: requests alone costs more than all of `meeting-etl status`, and pyarrow a third
# of Dagster, whose definitions need none of them.
if TYPE_CHECKING:
    from meeting_etl.lake.lake import Lake
    from meeting_etl.pipeline.fetch.context import FetchContext
    from meeting_etl.pipeline.ledger.ledger import Ledger
    from meeting_etl.pipeline.ledger.token_history import TokenIdentity
    from meeting_etl.pipeline.resources.download import DownloadContext
    from meeting_etl.webex.auth import Auth
    from meeting_etl.webex.client import Client
    from meeting_etl.webex.endpoints import Webex
    from meeting_etl.webex.transport import Limits
    from meeting_etl.webhook_logs.logs import Logs

# Requests sent immediately after a pause. At higher rates it is one second's worth, so that a
# commit, during which nothing is sent, costs none of the rate.
_BURST = 10


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
        return Files(self.settings.data_dir, self.settings.file_mode)

    @cached_property
    def state(self) -> State:
        """Locks, and small values that all processes share."""
        return LocalState(self.files)

    @cached_property
    def privacy(self) -> Privacy:
        """The column policy and the erasures."""
        settings = self.settings
        patterns = settings.downloads.hosts or settings.auto_record.hosts
        return Privacy(
            self.state,
            settings.policy,
            key=settings.privacy_key,
            files=self.files,
            remembers_hosts=bool(patterns) or settings.token_kind is not TokenKind.USER,
        )

    @cached_property
    def lake(self) -> "Lake":
        """The tables."""
        from meeting_etl.lake.lake import Lake

        return Lake(
            self.files,
            self.state,
            privacy=self.privacy,
            person_metrics=self.settings.analytics.person_metrics,
        )

    @cached_property
    def logs(self) -> "Logs":
        """The webhook logs."""
        from meeting_etl.webhook_logs.logs import Logs

        return Logs(self.logs_folder)

    @property
    def logs_folder(self) -> Path:
        """The folder of the webhook logs."""
        return self.settings.data_dir / "webhook_logs"

    @cached_property
    def queue(self) -> Queue:
        """The days with open work."""
        return FileQueue(self.files, self.state)

    @cached_property
    def ledger(self) -> "Ledger":
        """The work items, and what is due."""
        from meeting_etl.pipeline.ledger.ledger import Ledger
        from meeting_etl.pipeline.resources.opened_by_event import OPENED_BY

        settling, off = self.settings.settling, self._switched_off
        return Ledger(self.lake, self.queue, self.clock, settling, opened_by=OPENED_BY, off=off)

    @cached_property
    def webex(self) -> "Webex":
        """The API's endpoints. Raises SettingsError when no token is set."""
        from meeting_etl.webex.endpoints import Webex

        return Webex(self.client, self.settings.token_kind, self.clock)

    @cached_property
    def client(self) -> "Client":
        """The connection to the API. Raises SettingsError when no token is set."""
        from meeting_etl.webex.transport import Limits

        return self.client_with(Limits(), self.settings.max_wait_seconds)

    def client_with(self, limits: "Limits", max_wait_seconds: float) -> "Client":
        """A further connection to the API with limits of its own, under the same rate limit."""
        from meeting_etl.webex.client import Client
        from meeting_etl.webex.rate_limit import RateLimiter

        settings = self.settings
        return Client(
            settings.base_url,
            self.auth,
            RateLimiter(self.bucket, self.clock, max_wait_seconds=max_wait_seconds),
            self.clock,
            threads=settings.threads,
            limits=limits,
        )

    @cached_property
    def bucket(self) -> Bucket:
        """The rate and the pauses of requests, which all processes share."""
        rate = self.settings.requests_per_minute
        burst = max(_BURST, int(rate / 60))
        return FileBucket(self.files, self.clock, requests_per_minute=rate, burst=burst)

    @cached_property
    def auth(self) -> "Auth":
        """The token. Raises SettingsError when none is set."""
        from meeting_etl.webex.auth import Auth

        settings = self.settings
        _check_credentials(settings.credentials)
        return Auth(settings.credentials, self.state, self.clock, base_url=settings.base_url)

    @property
    def token_identity(self) -> "TokenIdentity":
        """Whose token it is. Raises SettingsError when no token is set."""
        from meeting_etl.pipeline.ledger.token_history import TokenIdentity

        return TokenIdentity(self.settings.token_kind, self.auth.token_identity, self.auth.scopes)

    @property
    def requests_sent(self) -> int:
        """Requests sent so far."""
        return self.client.requests_sent if "client" in self.__dict__ else 0

    @property
    def switched_on(self) -> frozenset[str]:
        """Optional resources that the settings enable."""
        return OPTIONAL - self._switched_off

    @property
    def _switched_off(self) -> frozenset[str]:
        settings = self.settings
        switches = {
            INVITEES.name: settings.invitees,
            MEETING_SUMMARIES.name: settings.summaries,
            RECORDING_FILES.name: settings.downloads.kinds,
            TRANSCRIPT_FILES.name: settings.transcript_formats,
        }
        return frozenset(name for name, is_on in switches.items() if not is_on)

    def due_downloads(self) -> list[date]:
        """Days with recordings to download now, newest first; none unless downloads are enabled."""
        return self.ledger.due_files() if RECORDING_FILES.name in self.switched_on else []

    def download_context(self) -> "DownloadContext":
        """What a download works with."""
        from meeting_etl.pipeline.resources.download import ByteProgress, DownloadContext
        from meeting_etl.webex.media import MediaClient

        media = MediaClient(self.settings.base_url, self.clock)
        floor = self.settings.downloads.keep_free_bytes
        byte_progress = ByteProgress(lambda what, done, total: self.progress(what, done, total))
        return DownloadContext(self.files, media, self.clock, floor, Event(), byte_progress)

    def fetch_context(self, run_id: str, at_once: int | None = None) -> "FetchContext":
        """What a fetch of the run works with; `at_once` replaces [fetch] threads."""
        from meeting_etl.pipeline.fetch.context import FetchContext
        from meeting_etl.pipeline.ledger.token_history import reading_since

        return FetchContext(
            self.webex,
            self.clock,
            self.lake,
            self.ledger,
            run_id,
            threads=at_once or self.settings.threads,
            progress=lambda what, done, total: self.progress(what, done, total),
            reading_since=reading_since(self.state, self.token_identity, self.clock.now()),
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
        also = "" if len(missing) == len(grant) else f" (missing: {', '.join(missing)})"
        raise SettingsError(
            "No Webex token: set WEBEX_ACCESS_TOKEN, or WEBEX_CLIENT_ID, WEBEX_CLIENT_SECRET and "
            f"WEBEX_REFRESH_TOKEN{also}."
        )
