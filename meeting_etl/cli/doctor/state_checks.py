"""Section state: whether PostgreSQL keeps what processes on several machines agree on.

Belongs here: what its health means for the user. Does not: measuring it (postgres/health.py).
"""

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from meeting_etl.cli.doctor.finding import CheckResult, Finding, ok, problem, run_check, warning
from meeting_etl.errors import MeetingEtlError
from meeting_etl.settings import Etl

if TYPE_CHECKING:
    from meeting_etl.postgres.health import Health

_SECTION = "state"
_CLOCK_WARNING = timedelta(seconds=5)


def state_checks(etl: Etl) -> list[CheckResult]:
    """Nothing where the state is in files."""
    url = etl.settings.state_url
    if url is None:
        return []

    @cache
    def health() -> "Health":
        from meeting_etl.postgres.database import Database
        from meeting_etl.postgres.health import check_health

        return check_health(Database(url))

    return [
        run_check(_SECTION, "tables", lambda: _tables(etl)),
        run_check(_SECTION, "locks", lambda: _locks(health())),
        run_check(_SECTION, "clock", lambda: _clock(etl.clock.now() - health().now)),
    ]


def unusable_state_checks(etl: Etl) -> list[CheckResult]:
    """The only result where the state is still in files, or its driver is missing.

    All other checks need it.
    """
    try:
        etl.state  # noqa: B018 - making it checks that
    except MeetingEtlError:
        return [run_check(_SECTION, "tables", lambda: _tables(etl))]
    return []


def _tables(etl: Etl) -> Finding:
    etl.ledger.open_days()
    return ok("PostgreSQL has the state of this data folder.")


def _locks(health: "Health") -> Finding:
    from meeting_etl.postgres.database import SERVER_TIMEOUT_SECONDS

    if not health.keeps_sessions:
        return problem(
            "Two connections have one session, as behind a pooler in transaction mode: locks would "
            "not exclude anybody.",
            "Let MEETING_ETL_STATE name the server itself.",
        )
    for timeout in health.server_timeouts_seconds or ():
        if timeout != SERVER_TIMEOUT_SECONDS:
            return problem(
                f"The server gives up a broken connection after {timeout} s instead of "
                f"{SERVER_TIMEOUT_SECONDS} s, so that a lock may be free before its holder knows, "
                "or much later.",
                "Let it run on a system with TCP keepalives and TCP_USER_TIMEOUT, such as Linux.",
            )
    return ok("Each connection has a session of its own; a lost one is noticed in time.")


def _clock(ahead: timedelta) -> Finding:
    if abs(ahead) <= _CLOCK_WARNING:
        return ok("This machine's clock agrees with the database's.")
    direction = "ahead" if ahead > timedelta() else "late"
    return warning(
        f"This machine's clock is {abs(ahead.total_seconds()):,.0f} s {direction} of the "
        "database's, by which all machines keep the rate.",
        "Set the clocks of all machines by NTP.",
    )
