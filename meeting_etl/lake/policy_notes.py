"""PolicyNotes: of which column policy all files of a table are, as far as that is known.

Belongs here: the note in the state, which spares opening all files, and its end as soon as a file
is written under another policy. Does not: finding and rewriting files (migration.py), the policies
(privacy/policy.py).
"""

import json

from meeting_etl.state import State

_NAME = "lake_policies"
# Of a table with files of several policies.
_SEVERAL = "several"


class PolicyNotes:
    """The stamp of the policy by table; a table without a note has files without a stamp."""

    def __init__(self, state: State) -> None:
        self._state = state

    def stamp(self, table: str) -> str:
        """The stamp of all files of a table, or what is none."""
        return _parsed(self._state.get(_NAME)).get(table, "")

    def note(self, stamps: dict[str, str]) -> None:
        """Note what all files of these tables have, all being of one policy."""
        with self._state.swap(_NAME) as value:
            value.content = json.dumps(_parsed(value.content) | stamps, indent=1).encode()

    def writing(self, table: str, stamp: str) -> None:
        """To be called before a file is written, as another process may have another policy."""
        if self.stamp(table) not in (stamp, _SEVERAL):
            self.note({table: _SEVERAL})


def _parsed(content: bytes | None) -> dict[str, str]:
    try:
        stamps = json.loads(content or b"{}")
    except ValueError:
        return {}
    return stamps if isinstance(stamps, dict) else {}
