"""Who reads: which token, of which kind and with which scopes, and what a change of it opens.

Belongs here: the small file that remembers the reader of the last run. Does not: tokens themselves,
which never come here (webex/auth.py), nor what a kind of token may read (webex/endpoints.py).
"""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from meeting_etl.files import Files
from meeting_etl.pipeline.ledger import Ledger
from meeting_etl.pipeline.settling import Pair, Status, Why
from meeting_etl.times import format_timestamp, parse_timestamp

_FILE = "state/reader.json"
# Of so many other tokens it is remembered that what they may read was asked for.
_MOST_OTHERS = 20
Known = dict[str, str | None]


@dataclass(frozen=True)
class Reader:
    """The token that reads: its kind, a digest of what is configured, its scopes where known."""

    kind: str
    digest: str
    scopes: str | None = None


def note_reader(files: Files, ledger: Ledger, reader: Reader, now: datetime) -> int:
    """Remember who reads from now on; returns how many pairs that opened.

    What was forbidden to another kind of token, to other scopes or to another token is asked for
    again, also where a VTT file stood in for it. To be called before due work is looked for.
    """
    with files.lock("reader"):
        known = _known(files)
        opened = 0
        if known is not None and _changed(known, reader):
            opened = ledger.retry(ledger.days(), partial(_may_differ, known["kind"] == reader.kind))
        content = {
            "kind": reader.kind,
            "digest": reader.digest,
            "scopes": reader.scopes or (known or {}).get("scopes"),
            "since": format_timestamp(_since(known, reader, now)),
        }
        if content != known:
            files.replace_bytes(_FILE, json.dumps(content).encode(), mode=0o600)
        return opened


def reading_since(files: Files, reader: Reader, now: datetime) -> datetime:
    """When this token read for the first time; `now` when that is not known."""
    return _since(_known(files), reader, now)


def _since(known: Known | None, reader: Reader, now: datetime) -> datetime:
    if known is None or not _same_token(known, reader):
        return now
    return parse_timestamp(known["since"] or "") or now


def _changed(known: Known, reader: Reader) -> bool:
    """Whether this reader may be allowed other things; scopes count when both are known."""
    both = known["scopes"] and reader.scopes
    return not _same_token(known, reader) or bool(both and known["scopes"] != reader.scopes)


def _may_differ(same_kind: bool, pair: Pair) -> bool:
    """Whether another token may get another answer for the pair.

    What the kind of token rules out, another one of that kind may not read either. A VTT file may
    have stood in for snippets that were forbidden (403) or ruled out (not asked for).
    """
    if pair.reason == Why.FROM_VTT:
        return pair.http_status == 403 or (pair.http_status is None and not same_kind)
    return pair.status == Status.FORBIDDEN and not (same_kind and pair.reason == Why.TOKEN_KIND)


def _same_token(known: Known, reader: Reader) -> bool:
    return (known["kind"], known["digest"]) == (reader.kind, reader.digest)


def _known(files: Files) -> Known | None:
    """What the file says; None when there is none, or it is damaged."""
    try:
        known = json.loads(files.read_bytes(_FILE) or b"null")
        parse_timestamp(known["since"])
    except (ValueError, TypeError, KeyError):
        return None
    return {name: known.get(name) for name in ("kind", "digest", "scopes", "since")}
