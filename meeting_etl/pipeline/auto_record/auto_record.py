"""Auto-record: policy → PATCH → a row of auto_record_actions, once for each created meeting.

Belongs here: fetching a meeting, deciding, changing it, and the order of commits. Does not: which
meetings wait (created_meetings.py), error responses as rows (faults.py), what the policy matches
(policy.py), when it runs (orchestration/).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from meeting_etl.errors import (
    ApiUnavailable,
    AuthError,
    BadResponse,
    Forbidden,
    MeetingEtlError,
    NotFound,
    Refused,
    SettingsError,
)
from meeting_etl.lake.lake import Lake
from meeting_etl.pipeline.auto_record.created_meetings import (
    CreatedMeeting,
    text_field,
    undecided_meetings,
)
from meeting_etl.pipeline.auto_record.faults import fault_row, refusal_row
from meeting_etl.pipeline.auto_record.policy import Policy
from meeting_etl.pipeline.auto_record.results import ActionReason, ActionResult
from meeting_etl.pipeline.rows import Row, email_domain
from meeting_etl.schemas import AUTO_RECORD_ACTIONS
from meeting_etl.times import Clock, parse_timestamp
from meeting_etl.webex.accounts import Accounts
from meeting_etl.webex.endpoints import Webex

# A kill repeats at most this much of the work that changed nothing at Webex.
COMMIT_SECONDS = 20.0

_OVER = frozenset({"ended", "missed", "expired"})


def auto_record(
    accounts: Callable[[], Accounts],
    lake: Lake,
    clock: Clock,
    policy: Policy,
    run_id: str,
    *,
    again: bool = False,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> list[Row]:
    """Decide on every meeting whose created event was received recently; returns the new rows.

    `accounts` is called at the first request: there is none without lines in the policy or without
    an undecided meeting. `again`: retry what was refused. Raises SettingsError when no token can
    change meetings, and what `Client` and `Lake` raise, after committing the earlier decisions.
    """
    if not policy.is_on:
        return []
    with lake.lock("auto_record"):
        waiting = undecided_meetings(lake, policy, clock.now(), again=again)
        work = _Work(accounts, lake, clock, policy, run_id)
        try:
            for number, created in enumerate(waiting):
                progress(AUTO_RECORD_ACTIONS.name, number, len(waiting))
                work.decide(created)
        except MeetingEtlError:
            work.commit()
            raise
        work.commit()
        return work.rows


class _Work:
    """One run: its rows, and those that wait for the next commit."""

    def __init__(
        self,
        accounts: Callable[[], Accounts],
        lake: Lake,
        clock: Clock,
        policy: Policy,
        run_id: str,
    ) -> None:
        self.rows: list[Row] = []
        self._accounts, self._lake, self._clock = accounts, lake, clock
        self._policy, self._run_id = policy, run_id
        self._pending: dict[date, list[Row]] = defaultdict(list)
        self._since = clock.monotonic()

    def decide(self, created: CreatedMeeting) -> None:
        """Do what the policy says about one meeting, and record it in a row."""
        row = _new_row(created, self._policy, self._run_id)
        ruled_out = self._policy.rules_out(host_email=row["host_email"], site_url=row["site_url"])
        if ruled_out and not created.was_switching:
            row["result"] = ActionResult.NO_MATCH
        else:
            row |= self._decision(created, row)
        if row["result"] == ActionResult.SWITCHING and row["next_attempt_at"] is None:
            # Committed before the change, so that the run after a kill knows the former state.
            self._queue(created, dict(row))
            self.commit()
            row |= self._switch_on(created, row)
            self._queue(created, row)
            self.commit()
        else:
            self._queue(created, row)
            if self._clock.monotonic() - self._since > COMMIT_SECONDS:
                self.commit()
        self.rows.append(row)

    def commit(self) -> None:
        """Write the waiting rows."""
        while self._pending:
            day, rows = self._pending.popitem()
            self._lake.sweep([AUTO_RECORD_ACTIONS], [day])
            self._lake.merge(AUTO_RECORD_ACTIONS, day, rows)
        self._since = self._clock.monotonic()

    def _queue(self, created: CreatedMeeting, row: Row) -> None:
        row["decided_at"] = self._clock.now()
        self._pending[created.date].append(row)

    def _decision(self, created: CreatedMeeting, row: Row) -> Row:
        """What to record of a meeting after fetching it; SWITCHING when it is to be switched on."""
        try:
            meeting = self._ask(
                row,
                lambda webex, host: webex.scheduled_meeting(created.meeting_id, host_email=host),
            )
        except Refused as error:
            return refusal_row(error, created, self._clock.now())
        except BadResponse as error:
            return fault_row(error, created, self._clock.now(), sent=False)
        return self._apply_policy(created, row, meeting)

    def _ask(
        self, row: Row, request: Callable[[Webex, str | None], dict[str, Any]]
    ) -> dict[str, Any]:
        """The response to the account of the host, or of an administrator.

        What is refused to one may be allowed to the next. Raises BadResponse where one that may be
        allowed is set aside: the meeting is waited for, and the others go on.
        """
        accounts = self._accounts()
        if not any(account.webex.can_schedule for account in accounts.all):
            kinds = ", ".join(f"{each.kind_setting} is {each.kind}" for each in accounts.all)
            raise SettingsError(
                f"Auto-record needs the token of the host or of an administrator, but {kinds}. Set "
                "another token, or remove [auto_record] from the settings."
            )
        refusal: Refused = Forbidden("No account is asked about the meetings of this host.", 403)
        able = accounts.scheduling(row)
        for account in able:
            try:
                if account not in accounts.set_aside:
                    return request(account.webex, row["host_email"])
            except (AuthError, ApiUnavailable) as error:
                accounts.put_aside(account, error)
            except (Forbidden, NotFound) as error:
                refusal = error
        if accounts.set_aside.keys() & set(able):
            raise BadResponse("An account that may change this meeting cannot be used now.")
        raise refusal

    def _apply_policy(self, created: CreatedMeeting, row: Row, meeting: Mapping[str, Any]) -> Row:
        host_email = text_field(meeting, "hostEmail") or row["host_email"]
        site_url = text_field(meeting, "siteUrl") or row["site_url"]
        title = text_field(meeting, "title")
        line = self._policy.line_for(host_email=host_email, site_url=site_url, title=title)
        is_on = _auto_record_flag(meeting)
        fetched: Row = {
            "host_email": host_email,
            "host_email_domain": email_domain(host_email),
            "site_url": site_url,
            "title": title,
            "policy_line": line,
            "before": is_on,
            "after": is_on,
            "http_status": 200,
        }
        if created.was_switching and is_on:
            # Webex processed the PATCH whose response a kill or a fault has lost.
            earlier = {"before": row["before"], "policy_line": row["policy_line"]}
            return fetched | earlier | {"result": ActionResult.SWITCHED_ON}
        return fetched | {"result": self._result(meeting, line, is_on)}

    def _result(
        self, meeting: Mapping[str, Any], line: str | None, is_on: bool | None
    ) -> ActionResult:
        if line is None:
            return ActionResult.NO_MATCH
        if is_on:
            return ActionResult.ALREADY_ON
        if _is_over(meeting, self._clock.now()):
            return ActionResult.OVER
        if meeting.get("scheduledType") == "personalRoomMeeting":
            return ActionResult.PERSONAL_ROOM
        return ActionResult.WOULD_SWITCH_ON if self._policy.dry_run else ActionResult.SWITCHING

    def _switch_on(self, created: CreatedMeeting, row: Row) -> Row:
        """Switch recording on; returns the columns that record the outcome."""
        try:
            meeting = self._ask(
                row,
                lambda webex, host: webex.enable_auto_record(created.meeting_id, host_email=host),
            )
        except Refused as error:
            return refusal_row(error, created, self._clock.now())
        except BadResponse as error:
            return fault_row(error, created, self._clock.now(), sent=True)
        is_on = _auto_record_flag(meeting)
        if is_on is False:
            return {"result": ActionResult.REFUSED, "reason": ActionReason.NOT_TAKEN}
        return {"result": ActionResult.SWITCHED_ON, "after": is_on}


def _new_row(created: CreatedMeeting, policy: Policy, run_id: str) -> Row:
    """A row as far as it is known before the first request."""
    before = created.before if created.was_switching and created.before else {}
    return {
        "meeting_id": created.meeting_id,
        "host_email": created.host_email,
        "host_email_domain": email_domain(created.host_email),
        "site_url": created.site_url,
        "title": before.get("title"),
        "policy_line": before.get("policy_line"),
        "policy_id": policy.id,
        "before": before.get("before"),
        "after": None,
        "result": None,
        "reason": None,
        "http_status": None,
        "dry_run": policy.dry_run,
        "attempts": created.failed_attempts + 1,
        "next_attempt_at": None,
        "run_id": run_id,
    }


def _auto_record_flag(meeting: Mapping[str, Any]) -> bool | None:
    """Whether a meeting is recorded automatically; None when the response does not say."""
    value = meeting.get("enabledAutoRecordMeeting")
    return value if isinstance(value, bool) else None


def _is_over(meeting: Mapping[str, Any], now: datetime) -> bool:
    """Whether a meeting will not take place any more.

    The end of a recurring series is that of its first meeting, so there only the state counts.
    """
    if meeting.get("state") in _OVER:
        return True
    try:
        end = parse_timestamp(str(meeting.get("end") or ""))
    except ValueError:
        return False
    return end is not None and end <= now and not meeting.get("recurrence")
