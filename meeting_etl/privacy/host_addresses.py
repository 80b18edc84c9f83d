"""class HostAddresses: hosts' addresses in clear where the lake has pseudonyms only.

Belongs here: a small value in the state, from pseudonym to address, because Webex wants the host's
address with the requests of an administrator. Does not: which columns are hashed (policy.py).
"""

import json

from meeting_etl.privacy.erasures import Erasures
from meeting_etl.privacy.pseudonyms import is_replaced
from meeting_etl.state import State

HOST_ADDRESSES = "host_addresses"


class HostAddresses:
    """Addresses by pseudonym; new ones are stored by `save`."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._known: tuple[bytes | None, dict[str, str]] | None = None
        self._new: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._stored())

    def note(self, pseudonym: str, address: str) -> None:
        """Remember an address; one that is a pseudonym itself says nothing."""
        if pseudonym != address and pseudonym not in self._stored():
            self._new[pseudonym] = address

    def save(self) -> None:
        """Make what was noted durable; to be called before rows with the pseudonyms are written."""
        if not self._new:
            return
        with self._state.swap(HOST_ADDRESSES, secret=True) as value:
            known = _parse(value.content) | self._new
            value.content = json.dumps(known, sort_keys=True).encode()
            self._known = (value.content, known)
        self._new = {}

    def clear(self, address: str | None) -> str | None:
        """The address of a pseudonym where it is known; any other text as it is."""
        if address is None or address in self._new:
            return self._new.get(address or "")
        if address not in self._stored() and is_replaced(address):
            self._read()  # another process may have noted it meanwhile
        return self._stored().get(address, address)

    def forget(self, erasures: Erasures) -> None:
        """Remove the addresses of erased persons."""
        with self._state.swap(HOST_ADDRESSES, secret=True) as value:
            stored = _parse(value.content)
            left = {name: stored[name] for name in stored if not erasures.of_address(name)}
            value.content = json.dumps(left, sort_keys=True).encode() if left else None
            self._known = (value.content, left)

    def _stored(self) -> dict[str, str]:
        return (self._known or self._read())[1]

    def _read(self) -> tuple[bytes | None, dict[str, str]]:
        content = self._state.get(HOST_ADDRESSES)
        if self._known is None or self._known[0] != content:
            self._known = (content, _parse(content))
        return self._known


def _parse(content: bytes | None) -> dict[str, str]:
    """The value; one that is damaged is made again by the next responses."""
    try:
        stored = json.loads(content or b"{}")
    except ValueError:
        return {}
    return stored if isinstance(stored, dict) else {}
