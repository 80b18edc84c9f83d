"""Etl: the objects that the settings configure, each built when it is first used.

Belongs here: which object gets which setting. Does not: reading settings (environment.py), any
work.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Self

from meeting_etl.errors import SettingsError
from meeting_etl.files import Files
from meeting_etl.pipeline.ledger.due_days import Queue
from meeting_etl.pipeline.ledger.work_item import OPTIONAL
from meeting_etl.privacy.privacy import Privacy
from meeting_etl.schemas import RECORDING_FILES
from meeting_etl.settings.environment import Settings, read_settings
from meeting_etl.settings.shared import Shared, shared_of
from meeting_etl.settings.switches import switched_on
from meeting_etl.settings.tenants import Tenant, check_name
from meeting_etl.state import State
from meeting_etl.storage import Storage
from meeting_etl.times import Clock

# Loaded when used: requests alone costs more than all of `meeting-etl status`, and pyarrow a third
# of Dagster, whose definitions need none of them.
if TYPE_CHECKING:
    from meeting_etl.lake.lake import Lake
    from meeting_etl.object_storage.log_segments import LogSegments
    from meeting_etl.pipeline.fetch.context import FetchContext
    from meeting_etl.pipeline.ledger.ledger import Ledger
    from meeting_etl.pipeline.resources.download import DownloadContext
    from meeting_etl.settings.connections import Connection
    from meeting_etl.webex.accounts import Account, Accounts, TokenIdentity
    from meeting_etl.webhook_logs.logs import Logs


class Etl:
    """Everything that the pipeline works with, each part built when it is first used.

    `environ` holds the variables of VARIABLES; `clock` is the only source of time. `tenant` names
    one of several organizations in one deployment; the only one has no name.
    """

    def __init__(
        self, environ: Mapping[str, str], clock: Clock | None = None, *, tenant: str = ""
    ) -> None:
        if tenant:
            check_name(tenant)
        self._environ = dict(environ)
        self._problems: Mapping[str, str] = {}
        self.tenant = tenant
        self.clock = clock or Clock()
        # Called with what is worked on, how much is done and how much there is.
        self.progress: Callable[[str, int, int], None] = lambda *_: None

    @classmethod
    def of(cls, tenant: Tenant, clock: Clock | None = None) -> Self:
        """That of a tenant of the settings."""
        etl = cls(tenant.variables, clock, tenant=tenant.name)
        etl._problems = tenant.problems
        return etl

    @cached_property
    def settings(self) -> Settings:
        """The settings; raises SettingsError when one is wrong."""
        try:
            return self._read_settings()
        except SettingsError as error:
            if not self.tenant:
                raise
            raise SettingsError(f"Tenant {self.tenant}: {error}") from error

    def _read_settings(self) -> Settings:
        if self._problems:
            raise SettingsError(" ".join(self._problems.values()))
        return read_settings(self._environ)

    @cached_property
    def files(self) -> Files:
        """The data folder, or this machine's folder beside a bucket."""
        return Files(self.settings.data_dir, self.settings.file_mode)

    @cached_property
    def storage(self) -> Storage:
        """Where tables, media and transcripts are: the data folder, or a bucket."""
        if self.settings.bucket is None:
            return self.files
        from meeting_etl.object_storage.object_files import ObjectFiles

        return ObjectFiles(self.settings.bucket)

    @cached_property
    def shared(self) -> Shared:
        """Where what processes share is kept: files, or PostgreSQL."""
        return shared_of(self.settings, self.files, self.storage, self.clock)

    @cached_property
    def state(self) -> State:
        """Locks, and small values that all processes share."""
        return self.shared.state()

    @cached_property
    def privacy(self) -> Privacy:
        """The column policy and the erasures."""
        settings = self.settings
        patterns = settings.downloads.hosts or settings.auto_record.hosts
        return Privacy(
            self.state,
            settings.policy,
            key=settings.privacy_key,
            files=self.storage,
            remembers_hosts=bool(patterns) or settings.needs_hosts,
        )

    @cached_property
    def lake(self) -> "Lake":
        """The tables. Raises SettingsError when they were moved, or have not arrived yet."""
        from meeting_etl.lake.moved import check_in_use

        check_in_use(self.storage)
        return self.lake_in_move

    @cached_property
    def lake_in_move(self) -> "Lake":
        """The tables, even while they are moved."""
        from meeting_etl.lake.lake import Lake

        return Lake(
            self.storage,
            self.state,
            privacy=self.privacy,
            person_metrics=self.settings.analytics.person_metrics,
        )

    @cached_property
    def logs(self) -> "Logs":
        """The webhook logs."""
        from meeting_etl.webhook_logs.logs import Logs

        return Logs(self.logs_folder, segments=self.log_segments)

    @property
    def logs_folder(self) -> Path:
        """The folder of the webhook logs on this machine."""
        return self.settings.data_dir / "webhook_logs"

    @cached_property
    def log_segments(self) -> "LogSegments | None":
        """The logs that receivers ship, where the tables are in a bucket."""
        if self.settings.bucket is None:
            return None
        from meeting_etl.object_storage.log_segments import LogSegments
        from meeting_etl.object_storage.object_files import ObjectFiles

        return LogSegments(ObjectFiles(self.settings.bucket))

    @property
    def received_folder(self) -> Path:
        """Where a receiver writes: among the logs, or apart from them what it ships."""
        if self.settings.bucket is None:
            return self.logs_folder
        return self.settings.data_dir / "received"

    @cached_property
    def queue(self) -> Queue:
        """The days with open work."""
        return self.shared.queue(self.state)

    @cached_property
    def ledger(self) -> "Ledger":
        """The work items, and what is due."""
        from meeting_etl.pipeline.ledger.ledger import Ledger
        from meeting_etl.pipeline.resources.opened_by_event import OPENED_BY

        settling, off = self.settings.settling, OPTIONAL - self.switched_on
        return Ledger(self.lake, self.queue, self.clock, settling, opened_by=OPENED_BY, off=off)

    @cached_property
    def connections(self) -> "list[Connection]":
        """What each account works with."""
        from meeting_etl.settings.connections import Connection

        settings = self.settings
        return [
            Connection(account, settings, self.shared, self.state, self.clock)
            for account in settings.accounts
        ]

    @cached_property
    def accounts(self) -> "Accounts":
        """The accounts, with the API's endpoints. Raises SettingsError when a token is not set.

        Where there are several, Webex is asked once who owns each of them.
        """
        from meeting_etl.pipeline.ledger.token_history import reading_since
        from meeting_etl.webex.accounts import Account, Accounts
        from meeting_etl.webex.endpoints import Webex

        self.check_tokens()
        if len(self.connections) > 1:
            for connection in self.connections:
                connection.learn_owner()
        now = self.clock.now()
        accounts = [
            Account(
                name=connection.account.name,
                kind=connection.account.kind,
                hosts=connection.account.hosts,
                sites=connection.account.sites,
                webex=Webex(connection.client, connection.account.kind, self.clock),
                reading_since=reading_since(self.state, connection.identity, now),
            )
            for connection in self.connections
        ]
        return Accounts(accounts, self._was_allowed)

    def _was_allowed(self, account: "Account", resource: str) -> bool:
        return self.ledger.was_allowed(resource, account.name, account.reading_since)

    def check_tokens(self) -> None:
        """Raise SettingsError when secrets are missing, with all of them; sends no request."""
        problems = [text for account in self.settings.accounts for text in account.problems]
        if problems:
            raise SettingsError(" ".join(problems))
        for connection in self.connections:
            connection.auth  # noqa: B018 - building it checks them

    @property
    def set_aside(self) -> dict[str, str]:
        """Why accounts are used no more in this process, by name."""
        if "accounts" not in self.__dict__:
            return {}
        return {account.name: str(error) for account, error in self.accounts.set_aside.items()}

    @property
    def lacking(self) -> list[tuple[str, str]]:
        """Names of accounts, each with a resource that this process was refused each time."""
        return self.accounts.lacking if "accounts" in self.__dict__ else []

    @property
    def token_identities(self) -> "list[TokenIdentity]":
        """Whose tokens they are. Raises SettingsError when a token is not set."""
        return [connection.identity for connection in self.connections]

    @property
    def paused_until(self) -> datetime | None:
        """When the first account may send requests again; None when one may now."""
        try:
            pauses = [connection.bucket.paused_until() for connection in self.connections]
        except SettingsError:  # a token is not set, which the run itself will say
            return None
        return None if None in pauses else min(filter(None, pauses))

    @property
    def requests_sent(self) -> int:
        """Requests sent so far."""
        if "connections" not in self.__dict__:
            return 0
        return sum(connection.requests_sent for connection in self.connections)

    @property
    def switched_on(self) -> frozenset[str]:
        """Optional resources that the settings enable."""
        return switched_on(self.settings)

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
        return DownloadContext(
            self.files, self.storage, media, self.clock, floor, Event(), byte_progress
        )

    def fetch_context(self, run_id: str, at_once: int | None = None) -> "FetchContext":
        """What a fetch of the run works with; `at_once` replaces [fetch] threads."""
        from meeting_etl.pipeline.fetch.context import FetchContext

        return FetchContext(
            self.accounts,
            self.clock,
            self.lake,
            self.ledger,
            run_id,
            threads=at_once or self.settings.threads,
            progress=lambda what, done, total: self.progress(what, done, total),
            windows=self.settings.windows,
            honours_deletes=self.settings.honour_deletes,
        )
