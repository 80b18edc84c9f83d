"""Which tokens have read from Webex, and which work items another one reopens.

Belongs here: the small value with the identities of the tokens of earlier runs. Does not: tokens
themselves, which are never stored here (webex/auth.py), nor what a kind of token may read
(webex/token_kind.py).
"""

import json
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime

from meeting_etl.lake.lake import Lake
from meeting_etl.pipeline.ledger.ledger import Ledger
from meeting_etl.pipeline.ledger.work_item import Reason, Status, WorkItem
from meeting_etl.schemas import MEETINGS
from meeting_etl.state import State
from meeting_etl.times import format_timestamp, parse_timestamp
from meeting_etl.webex.account_rights import covers
from meeting_etl.webex.accounts import TokenIdentity
from meeting_etl.webex.token_kind import TokenKind

_NAME = "reader"
# So many earlier tokens are remembered.
_MAX_EARLIER = 20
# As it is stored: kind, digest, scopes, what it covers, and since when and until when it read.
Entry = dict[str, str | None]
_FIELDS = ("kind", "digest", "scopes", "covers", "since", "until")


def record_tokens(
    state: State, lake: Lake, ledger: Ledger, tokens: Collection[TokenIdentity], now: datetime
) -> int:
    """Remember the tokens that read from now on; returns how many work items that reopened.

    What was forbidden before is requested again if a new token may be able to read it: another
    token, or one with another kind, other scopes, or other hosts and sites. Where tokens take turns
    on one folder, that happens once for each: for a token that read here before, only work items
    that were opened since then are reopened. An empty list that nobody saw who sees all hosts is
    requested again, too. To be called before due work is looked for.
    """
    with state.swap(_NAME, secret=True) as value:
        entries = _entries(value.content)
        current: list[Entry] = []
        reopened = 0
        for token in dict.fromkeys(tokens):
            own = _entry_of(token, entries)
            if entries and (own is None or own["until"] or _has_changed(own, token)):
                read_until = None
                if own is not None and own["until"] and not _has_changed(own, token):
                    read_until = parse_timestamp(own["until"])
                covered = None
                if own is not None and not own["until"] and not _has_other_scopes(own, token):
                    covered = own["covers"] or ""
                is_certain = _sees_what_nobody_saw(token, entries)
                reopened += _reopen(lake, ledger, token, read_until, covered, is_certain=is_certain)
            current.append(_new_entry(token, own, now))
        identities = {_key(entry) for entry in current}
        earlier = [
            entry if entry["until"] else entry | {"until": format_timestamp(now)}
            for entry in entries
            if _key(entry) not in identities
        ]
        latest = [*current, *earlier[:_MAX_EARLIER]]
        if latest != entries:
            document: dict[str, object] = {**latest[0], "others": latest[1:]}
            value.content = json.dumps(document).encode()
        return reopened


def are_recorded(state: State, tokens: Collection[TokenIdentity]) -> bool:
    """Whether they are the tokens of the latest run, so that `record_tokens` has nothing to do."""
    entries = _entries(state.get(_NAME))
    current = [entry for entry in entries if not entry["until"]]
    owns = [_entry_of(token, current) for token in tokens]
    return len(current) == len({_key(own) for own in owns if own}) and not any(
        own is None or _has_changed(own, token) for own, token in zip(owns, tokens, strict=True)
    )


def reading_since(state: State, token: TokenIdentity, now: datetime) -> datetime:
    """When this token read for the first time; `now` when that is unknown."""
    return _since(_entry_of(token, _entries(state.get(_NAME))), now)


def _new_entry(token: TokenIdentity, own: Entry | None, now: datetime) -> Entry:
    return {
        "kind": token.kind,
        "digest": token.digest,
        "scopes": token.scopes or (own or {}).get("scopes"),
        "covers": token.covers,
        "since": format_timestamp(_since(own, now)),
        "until": None,
    }


def _since(own: Entry | None, now: datetime) -> datetime:
    since = own["since"] if own else None
    return (parse_timestamp(since) if since else None) or now


def _has_changed(own: Entry, token: TokenIdentity) -> bool:
    """Whether the token may read something else now."""
    return _has_other_scopes(own, token) or (own["covers"] or "") != token.covers


def _has_other_scopes(own: Entry, token: TokenIdentity) -> bool:
    """Whether its scopes have changed; they count when both are known."""
    scopes = own["scopes"]
    return bool(scopes and token.scopes and scopes != token.scopes)


def _reopen(
    lake: Lake,
    ledger: Ledger,
    token: TokenIdentity,
    read_until: datetime | None,
    covered: str | None,
    *,
    is_certain: bool,
) -> int:
    """Reopen what the token may be able to read, of all days.

    It itself attempted all that was first attempted before `read_until`, and what it `covered` in
    the latest run. With `is_certain` empty lists are requested again.
    """
    count = 0
    for day in ledger.days():
        is_covered = _covered_meetings(lake, token.covers, covered, day)

        def is_wanted(item: WorkItem, is_covered: Callable[[str], bool] = is_covered) -> bool:
            differs = _may_differ(token, read_until, item) or (is_certain and _was_empty(item))
            return differs and is_covered(item.meeting_id)

        count += ledger.reopen([day], is_wanted)
    return count


def _sees_what_nobody_saw(token: TokenIdentity, entries: Sequence[Entry]) -> bool:
    """Whether an empty list may have been empty for the latest tokens only.

    A user's lists are empty for the meetings of other hosts, and which these are is known only of
    accounts with hosts.
    """
    latest = [entry for entry in entries if not entry["until"]]
    if any(TokenKind(entry["kind"] or "").access.is_org_wide for entry in latest):
        return False
    is_user = not TokenKind(token.kind).access.is_org_wide
    had_hosts = any((entry["covers"] or "") == token.covers for entry in latest)
    return not is_user or (bool(token.covers) and not had_hosts)


def _was_empty(item: WorkItem) -> bool:
    return item.status == Status.ABSENT and item.reason == Reason.DEADLINE_PASSED


def _covered_meetings(lake: Lake, now: str, before: str | None, day: date) -> Callable[[str], bool]:
    """Whether an account is asked about a meeting of the day now and was not before, by its id."""
    if not now and before is None:
        return lambda _: True
    columns = ["meeting_id", "host_email", "site_url"]
    rows = lake.read(MEETINGS, day, columns=columns).to_pylist()
    for row in rows:
        row["host_email"] = lake.privacy.hosts.clear(row["host_email"])
    return {
        row["meeting_id"]
        for row in rows
        if covers(now, row) and not (before is not None and covers(before, row))
    }.__contains__


def _may_differ(token: TokenIdentity, read_until: datetime | None, item: WorkItem) -> bool:
    """Whether the token may get another response for the work item.

    What was ruled out nobody was asked about, although this token may have been before.
    """
    attempted_at = None if item.reason == Reason.TOKEN_KIND else item.first_attempt_at
    if read_until and attempted_at and attempted_at <= read_until:
        return False
    if item.status == Status.FAILED:
        return item.reason in (Reason.SCOPE, Reason.ACCOUNT)
    can_read = item.resource not in TokenKind(token.kind).access.unreadable
    return item.status == Status.FORBIDDEN and can_read


def _entry_of(token: TokenIdentity, entries: Sequence[Entry]) -> Entry | None:
    """The entry of this token, if it read before."""
    for entry in entries:
        if _key(entry) == (token.kind, token.digest):
            return entry
    return None


def _key(entry: Entry) -> tuple[str | None, str | None]:
    return entry["kind"], entry["digest"]


def _entries(content: bytes | None) -> list[Entry]:
    """The entries, the latest first; none when nothing is stored or that is damaged.

    `until` is when other tokens took its place, None for the latest ones.
    """
    try:
        document = json.loads(content or b"null")
        entries = [document, *document.get("others", ())]
        for entry in entries:
            parse_timestamp(entry["since"])
            parse_timestamp(entry.get("until") or "1970-01-01T00:00:00Z")
        return [{name: entry.get(name) for name in _FIELDS} for entry in entries]
    except (AttributeError, ValueError, TypeError, KeyError):
        return []
