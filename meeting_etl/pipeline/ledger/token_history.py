"""Who reads: which token, of which kind and with which scopes, and what a change of it opens.

Belongs here: the small file that remembers who read in earlier runs. Does not: tokens themselves,
which never come here (webex/auth.py), nor what a kind of token may read (webex/endpoints.py).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from meeting_etl.files import Files
from meeting_etl.pipeline.ledger.ledger import Ledger
from meeting_etl.pipeline.ledger.work_item import Reason, Status, WorkItem
from meeting_etl.times import format_timestamp, parse_timestamp

_FILE = "state/reader.json"
# Of so many other tokens it is remembered that what they may read was asked for.
_MOST_OTHERS = 20
Known = dict[str, str | None]


@dataclass(frozen=True)
class TokenIdentity:
    """The token that reads: its kind, a digest of what is configured, its scopes where known."""

    kind: str
    digest: str
    scopes: str | None = None


def record_token(files: Files, ledger: Ledger, reader: TokenIdentity, now: datetime) -> int:
    """Remember who reads from now on; returns how many pairs that opened.

    What was forbidden to another kind of token, to other scopes or to another token is asked for
    again, also where a VTT file stood in for it. Where two tokens take turns on one folder, each
    is asked once: of a token that read here before only what came up since then is opened. To be
    called before due work is looked for.
    """
    with files.lock("reader"):
        known = _known(files)
        latest, others = (known[0] if known else None), known[1:]
        mine = _of(reader, known)
        opened = 0
        if latest is not None and (mine is not latest or _has_other_scopes(mine, reader)):
            asked_until = None
            if mine is not None and not _has_other_scopes(mine, reader):
                asked_until = parse_timestamp(mine["until"]) if mine["until"] else None
            is_wanted = partial(_may_differ, latest["kind"] == reader.kind, asked_until)
            opened = ledger.reopen(ledger.days(), is_wanted)
        content: Known = {
            "kind": reader.kind,
            "digest": reader.digest,
            "scopes": reader.scopes or (mine or {}).get("scopes"),
            "since": format_timestamp(_since(mine, now)),
            "until": None,
        }
        rest = [one for one in others if one is not mine]
        if latest is not None and latest is not mine:
            rest.insert(0, latest | {"until": format_timestamp(now)})
        if [content, *rest] != known:
            document = content | {"others": rest[:_MOST_OTHERS]}
            files.replace_bytes(_FILE, json.dumps(document).encode(), mode=0o600)
        return opened


def is_noted(files: Files, reader: TokenIdentity) -> bool:
    """Whether `record_token` has nothing to do: the same token as in the latest run reads."""
    known = _known(files)
    mine = _of(reader, known)
    return mine is not None and mine is known[0] and not _has_other_scopes(mine, reader)


def reading_since(files: Files, reader: TokenIdentity, now: datetime) -> datetime:
    """When this token read for the first time; `now` when that is not known."""
    return _since(_of(reader, _known(files)), now)


def _since(mine: Known | None, now: datetime) -> datetime:
    since = mine["since"] if mine else None
    return (parse_timestamp(since) if since else None) or now


def _has_other_scopes(mine: Known | None, reader: TokenIdentity) -> bool:
    """Whether the same token may be allowed other things; scopes count when both are known."""
    known = mine and mine["scopes"]
    return bool(known and reader.scopes and known != reader.scopes)


def _may_differ(same_kind: bool, asked_until: datetime | None, item: WorkItem) -> bool:
    """Whether another token may get another answer for the pair.

    What the kind of token rules out, another one of that kind may not read either. A VTT file may
    have stood in for snippets that were forbidden (403) or ruled out (not asked for). What was
    first asked before `asked_until` this token was asked for already.
    """
    if asked_until and item.first_attempt_at and item.first_attempt_at <= asked_until:
        return False
    if item.reason == Reason.FROM_VTT:
        return item.http_status == 403 or (item.http_status is None and not same_kind)
    if item.status == Status.FAILED:
        return item.reason == Reason.SCOPE
    return item.status == Status.FORBIDDEN and not (same_kind and item.reason == Reason.TOKEN_KIND)


def _of(reader: TokenIdentity, known: Sequence[Known]) -> Known | None:
    """What is known of this token."""
    for one in known:
        if (one["kind"], one["digest"]) == (reader.kind, reader.digest):
            return one
    return None


def _known(files: Files) -> list[Known]:
    """What the file says of tokens, the latest first; nothing when there is none or it is damaged.

    `until` is when another one took the place of it, None of the latest.
    """
    try:
        found = json.loads(files.read_bytes(_FILE) or b"null")
        known = [found, *found.get("others", ())]
        for one in known:
            parse_timestamp(one["since"])
            parse_timestamp(one.get("until") or "1970-01-01T00:00:00Z")
        return [
            {name: one.get(name) for name in ("kind", "digest", "scopes", "since", "until")}
            for one in known
        ]
    except (AttributeError, ValueError, TypeError, KeyError):
        return []
