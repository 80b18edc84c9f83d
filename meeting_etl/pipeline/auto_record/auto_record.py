"""Policy → PATCH → auto_record_actions, once for each meeting that was created.

Belongs here: the order in which a meeting is asked for, judged, changed and committed. Does not:
which meetings wait and what an outcome is as a row (actions.py), what the policy matches
(policy.py), when it runs (orchestration/).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from meeting_etl.errors import BadResponse, MeetingEtlError, Refused, SettingsError
from meeting_etl.lake.lake import Lake
from meeting_etl.pipeline.auto_record.created_meetings import (
    ActionReason,
    ActionResult,
    CreatedMeeting,
    fault_row,
    refusal_row,
    text_field,
    undecided_meetings,
)
from meeting_etl.pipeline.auto_record.policy import Policy
from meeting_etl.pipeline.rows import Row, email_domain
from meeting_etl.schemas import AUTO_RECORD_ACTIONS
from meeting_etl.times import Clock, parse_timestamp
from meeting_etl.webex.endpoints import Webex

# A kill repeats at most this much of what changed nothing at Webex.
COMMIT_SECONDS = 20.0

_OVER = frozenset({"ended", "missed", "expired"})


def auto_record(
    webex: Callable[[], Webex],
    lake: Lake,
    clock: Clock,
    policy: Policy,
    run_id: str,
    *,
    again: bool = False,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> list[Row]:
    """Decide on every meeting whose created event was received lately; returns the new rows.

    `webex` is called when there is something to ask: without lines in the policy, or without an
    undecided meeting, there is no request. `again`: what was refused is tried again. Raises
    SettingsError for a token that cannot change meetings, and what `Client` and `Lake` raise, after
    committing what was decided before.
    """
    if not policy.is_on:
        return []
    with lake.files.lock("auto_record"):
        waiting = undecided_meetings(lake, policy, clock.now(), again=again)
        work = _Work(webex, lake, clock, policy, run_id)
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
    """One pass over what waits: its rows, and those of them that wait for the next commit."""

    def __init__(
        self,
        webex: Callable[[], Webex],
        lake: Lake,
        clock: Clock,
        policy: Policy,
        run_id: str,
    ) -> None:
        self.rows: list[Row] = []
        self._webex, self._lake, self._clock = webex, lake, clock
        self._policy, self._run_id = policy, run_id
        self._pending: dict[date, list[Row]] = defaultdict(list)
        self._since = clock.monotonic()

    def decide(self, created: CreatedMeeting) -> None:
        """Do what the policy says of one meeting, and keep the row that tells."""
        row = _new_row(created, self._policy, self._run_id)
        ruled_out = self._policy.rules_out(host_email=row["host_email"], site_url=row["site_url"])
        if ruled_out and not created.was_switching:
            row["result"] = ActionResult.NO_MATCH
        else:
            row |= self._judged(created, row)
        if row["result"] == ActionResult.SWITCHING and row["next_attempt_at"] is None:
            # Before anything is changed: whoever comes after a kill finds what it was like.
            self._keep(created, dict(row))
            self.commit()
            row |= self._switched(created, row)
            self._keep(created, row)
            self.commit()
        else:
            self._keep(created, row)
            if self._clock.monotonic() - self._since > COMMIT_SECONDS:
                self.commit()
        self.rows.append(row)

    def commit(self) -> None:
        """Put the rows that wait in place."""
        while self._pending:
            day, rows = self._pending.popitem()
            self._lake.sweep([AUTO_RECORD_ACTIONS], [day])
            self._lake.merge(AUTO_RECORD_ACTIONS, day, rows)
        self._since = self._clock.monotonic()

    def _keep(self, created: CreatedMeeting, row: Row) -> None:
        row["decided_at"] = self._clock.now()
        self._pending[created.date].append(row)

    def _judged(self, created: CreatedMeeting, row: Row) -> Row:
        """What Webex and the policy say of a meeting; SWITCHING when it is to be switched on."""
        webex = self._webex()
        if not webex.can_schedule:
            raise SettingsError(
                "Auto-record needs the token of a host or an administrator: WEBEX_TOKEN_KIND is "
                "compliance. Set another token, or take [auto_record] out of the settings."
            )
        try:
            meeting = webex.scheduled_meeting(created.meeting_id, host_email=row["host_email"])
        except Refused as error:
            return refusal_row(error, created, self._clock.now())
        except BadResponse as error:
            return fault_row(error, created, self._clock.now(), sent=False)
        return self._judgement(created, row, meeting)

    def _judgement(self, created: CreatedMeeting, row: Row, meeting: Mapping[str, Any]) -> Row:
        host_email = text_field(meeting, "hostEmail") or row["host_email"]
        site_url = text_field(meeting, "siteUrl") or row["site_url"]
        title = text_field(meeting, "title")
        line = self._policy.line_for(host_email=host_email, site_url=site_url, title=title)
        is_on = _flag(meeting)
        found: Row = {
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
            # The PATCH that a kill or a fault hid from us was heard.
            ours = {"before": row["before"], "policy_line": row["policy_line"]}
            return found | ours | {"result": ActionResult.SWITCHED_ON}
        return found | {"result": self._result(meeting, line, is_on)}

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

    def _switched(self, created: CreatedMeeting, row: Row) -> Row:
        """Switch it on; what came of that."""
        try:
            meeting = self._webex().enable_auto_record(
                created.meeting_id, host_email=row["host_email"]
            )
        except Refused as error:
            return refusal_row(error, created, self._clock.now())
        except BadResponse as error:
            return fault_row(error, created, self._clock.now(), sent=True)
        is_on = _flag(meeting)
        if is_on is False:
            return {"result": ActionResult.REFUSED, "reason": ActionReason.NOT_TAKEN}
        return {"result": ActionResult.SWITCHED_ON, "after": is_on}


def _new_row(created: CreatedMeeting, policy: Policy, run_id: str) -> Row:
    """A row with what is known before Webex is asked."""
    known = created.before if created.was_switching and created.before else {}
    return {
        "meeting_id": created.meeting_id,
        "host_email": created.host_email,
        "host_email_domain": email_domain(created.host_email),
        "site_url": created.site_url,
        "title": known.get("title"),
        "policy_line": known.get("policy_line"),
        "policy_id": policy.id,
        "before": known.get("before"),
        "after": None,
        "result": None,
        "reason": None,
        "http_status": None,
        "dry_run": policy.dry_run,
        "attempts": created.tries + 1,
        "next_attempt_at": None,
        "run_id": run_id,
    }


def _flag(meeting: Mapping[str, Any]) -> bool | None:
    """Whether it is recorded automatically; None when Webex does not say."""
    value = meeting.get("enabledAutoRecordMeeting")
    return value if isinstance(value, bool) else None


def _is_over(meeting: Mapping[str, Any], now: datetime) -> bool:
    """Whether it will not take place any more.

    The end of a recurring series is that of its first meeting: there the state alone tells.
    """
    if meeting.get("state") in _OVER:
        return True
    try:
        end = parse_timestamp(str(meeting.get("end") or ""))
    except ValueError:
        return False
    return end is not None and end <= now and not meeting.get("recurrence")
