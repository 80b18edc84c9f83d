"""Which tokens have read from Webex, and which work items another one reopens.

Belongs here: the small value with the identities of tokens of earlier runs. Does not: tokens
themselves, which are never stored here (webex/auth.py), nor what a kind of token may read
(webex/token_kind.py).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from meeting_etl.pipeline.ledger.ledger import Ledger
from meeting_etl.pipeline.ledger.work_item import Reason, Status, WorkItem
from meeting_etl.state import State
from meeting_etl.times import format_timestamp, parse_timestamp

_NAME = "reader"
# So many earlier tokens are remembered.
_MAX_EARLIER = 20
# As it is stored: kind, digest, scopes, and since when and until when the token read.
Entry = dict[str, str | None]


@dataclass(frozen=True)
class TokenIdentity:
    """A token without its secret: its kind, a digest of what is configured, scopes where known."""

    kind: str
    digest: str
    scopes: str | None = None


def record_token(state: State, ledger: Ledger, token: TokenIdentity, now: datetime) -> int:
    """Remember the token that reads from now on; returns how many work items that reopened.

    With another token, kind or scopes, what was forbidden before is requested again. Where two
    tokens take turns on one folder, that happens once for each: for a token that read here before,
    only work items that were opened since then are reopened. To be called before due work is looked
    for.
    """
    with state.swap(_NAME, secret=True) as value:
        entries = _entries(value.content)
        latest = entries[0] if entries else None
        own = _entry_of(token, entries)
        reopened = 0
        if latest is not None and (own is not latest or _has_other_scopes(own, token)):
            read_until = None
            if own is not None and not _has_other_scopes(own, token):
                read_until = parse_timestamp(own["until"]) if own["until"] else None
            is_wanted = partial(_may_differ, latest["kind"] == token.kind, read_until)
            reopened = ledger.reopen(ledger.days(), is_wanted)
        new: Entry = {
            "kind": token.kind,
            "digest": token.digest,
            "scopes": token.scopes or (own or {}).get("scopes"),
            "since": format_timestamp(_since(own, now)),
            "until": None,
        }
        earlier = [entry for entry in entries[1:] if entry is not own]
        if latest is not None and latest is not own:
            earlier.insert(0, latest | {"until": format_timestamp(now)})
        if [new, *earlier] != entries:
            document = new | {"others": earlier[:_MAX_EARLIER]}
            value.content = json.dumps(document).encode()
        return reopened


def is_recorded(state: State, token: TokenIdentity) -> bool:
    """Whether it is the token of the latest run, so that `record_token` has nothing to do."""
    entries = _entries(state.get(_NAME))
    own = _entry_of(token, entries)
    return own is not None and own is entries[0] and not _has_other_scopes(own, token)


def reading_since(state: State, token: TokenIdentity, now: datetime) -> datetime:
    """When this token read for the first time; `now` when that is unknown."""
    return _since(_entry_of(token, _entries(state.get(_NAME))), now)


def _since(own: Entry | None, now: datetime) -> datetime:
    since = own["since"] if own else None
    return (parse_timestamp(since) if since else None) or now


def _has_other_scopes(own: Entry | None, token: TokenIdentity) -> bool:
    """Whether the scopes of the token have changed; they count when both are known."""
    scopes = own and own["scopes"]
    return bool(scopes and token.scopes and scopes != token.scopes)


def _may_differ(same_kind: bool, read_until: datetime | None, item: WorkItem) -> bool:
    """Whether another token may get another response for the work item.

    What is ruled out for a kind of token, another one of that kind may not read either. This token
    itself attempted all that was first attempted before `read_until`.
    """
    if read_until and item.first_attempt_at and item.first_attempt_at <= read_until:
        return False
    if item.status == Status.FAILED:
        return item.reason == Reason.SCOPE
    return item.status == Status.FORBIDDEN and not (same_kind and item.reason == Reason.TOKEN_KIND)


def _entry_of(token: TokenIdentity, entries: Sequence[Entry]) -> Entry | None:
    """The entry of this token, if it read before."""
    for entry in entries:
        if (entry["kind"], entry["digest"]) == (token.kind, token.digest):
            return entry
    return None


def _entries(content: bytes | None) -> list[Entry]:
    """The entries, the latest first; none when nothing is stored or that is damaged.

    `until` is when another token took its place, None for the latest.
    """
    try:
        document = json.loads(content or b"null")
        entries = [document, *document.get("others", ())]
        for entry in entries:
            parse_timestamp(entry["since"])
            parse_timestamp(entry.get("until") or "1970-01-01T00:00:00Z")
        return [
            {name: entry.get(name) for name in ("kind", "digest", "scopes", "since", "until")}
            for entry in entries
        ]
    except (AttributeError, ValueError, TypeError, KeyError):
        return []
