"""Faults on purpose: which request meets which.

Belongs here: the choice of faults, and refusals on purpose. Does not: the knobs (faults.py), what a
fault does to an answer (corruption.py) or below HTTP (broken_connections.py).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from meeting_etl.sandbox.api.answers import Refusal, Reply
from meeting_etl.sandbox.counters import Counters
from meeting_etl.sandbox.faults.corruption import CHANGERS, SPOILERS
from meeting_etl.sandbox.faults.faults import Faults
from meeting_etl.sandbox.world.model import Meeting, dice

_STATUSES = {
    "locked": 423,
    "internal_error": 500,
    "bad_gateway": 502,
    "unavailable": 503,
    "gateway_timeout": 504,
    "unauthorized": 401,
}


class Streaks:
    """Chooses by seed, key and attempt; no key is hit more than `most_in_a_row` times in a row."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._attempts: Counter[str] = Counter()
        self._in_a_row: Counter[str] = Counter()

    def choose(self, key: str, shares: Mapping[str, float]) -> str | None:
        """The name that this attempt meets; None for most."""
        if not shares:
            return None
        self._attempts[key] += 1
        draw = dice(self._faults.seed, key, self._attempts[key]).random()
        for name, share in shares.items():
            draw -= share
            if draw < 0 and self._in_a_row[key] < self._faults.most_in_a_row:
                self._in_a_row[key] += 1
                return name
        self._in_a_row[key] = 0
        return None


class Injector:
    """Chooses faults by seed, URL and attempt, and counts them."""

    def __init__(self, faults: Faults, counters: Counters) -> None:
        self._faults = faults
        self._counters = counters
        self._damaging = faults.response_shares()
        self._changing = faults.change_shares()
        self._streaks = Streaks(faults)
        self._permanent = faults.meeting_status

    def refuse_meeting(self, meeting_id: str | None) -> None:
        """Refuse what concerns a meeting that is always refused."""
        status = self._permanent.get(meeting_id or "")
        if status is not None:
            self._counters.note_injected(f"meeting_status {status}")
            raise Refusal(status, "This meeting is refused on purpose.")

    def without_refused(self, items: Sequence[Any]) -> Sequence[Any]:
        """The items of a listing without those of such meetings, which are not shown either."""
        if not self._permanent:
            return items
        return [one for one in items if _meeting_id(one) not in self._permanent]

    def choose(self, path: str, query: Mapping[str, str]) -> str | None:
        """The fault that this request meets, by name; None for most."""
        if not self._damaging:
            return None
        return self._streaks.choose(url_key(path, query), self._damaging)

    def refuse(self, name: str | None) -> None:
        """Refuse with the status of the fault, if it is one that has a status."""
        if name is None or name not in _STATUSES:
            return
        self._counters.note_injected(name)
        retry_after = "1" if name == "locked" else None
        html = name == "bad_gateway"
        raise Refusal(_STATUSES[name], "On purpose.", html=html, retry_after=retry_after)

    def spoil(self, name: str | None, reply: Reply, query: Mapping[str, str]) -> bool:
        """Spoil the reply in the way of that name; False if it offers no hold for that."""
        spoiler = SPOILERS.get(name or "")
        if name is None or spoiler is None or not spoiler(reply, query):
            return False
        self._counters.note_injected(name)
        return True

    def changes(self, path: str, query: Mapping[str, str]) -> list[str]:
        """Names of the changes that every answer of this URL suffers."""
        if not self._changing:
            return []
        key = url_key(path, query)
        return [
            name
            for name, share in self._changing.items()
            if dice(self._faults.seed, key, name).random() < share
        ]

    def change(self, name: str, reply: Reply) -> None:
        """Change the reply in the way of that name."""
        changer = CHANGERS.get(name)
        if changer is not None:
            self._counters.note_injected(name)
            changer(reply)


def _meeting_id(item: Any) -> str:
    owner = item[1] if isinstance(item, tuple) else item
    return owner.id if isinstance(owner, Meeting) else ""


def url_key(path: str, query: Mapping[str, str]) -> str:
    """What identifies a question however late it is asked: path and query without the end."""
    kept = sorted((name, value) for name, value in query.items() if name != "to")
    return f"{path} {kept}"
