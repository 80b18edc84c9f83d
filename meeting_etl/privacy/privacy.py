"""class Privacy: the column policy and the erasures of a data folder, as rows are written.

Belongs here: what both need, the key and the state, each opened when it is first needed. Does not:
the treatments (policy.py), what an erasure remembers (erasures.py), rows (lake/written_rows.py).
"""

from functools import cached_property, lru_cache

from meeting_etl.privacy.erasures import ERASURES, Erasures, parse_erasures
from meeting_etl.privacy.host_addresses import HostAddresses
from meeting_etl.privacy.key import pseudonyms_of
from meeting_etl.privacy.policy import DROP, HASH, KEEP, ColumnPolicy, personal_columns
from meeting_etl.privacy.pseudonyms import Pseudonyms
from meeting_etl.schemas import ADDRESS, NAME
from meeting_etl.state import State
from meeting_etl.storage import Storage

_CACHED = 10_000


class Privacy:
    """How personal values are stored.

    `files` is the data folder, whose lake names the key by its id. `remembers_hosts`: hosts'
    addresses are kept in the state where the tables have pseudonyms.
    """

    def __init__(
        self,
        state: State,
        policy: ColumnPolicy | None = None,
        *,
        key: str | None = None,
        files: Storage | None = None,
        remembers_hosts: bool = False,
    ) -> None:
        self.policy = policy or ColumnPolicy()
        self.hosts = HostAddresses(state)
        self._state = state
        self._key = key
        self._files = files
        self.remembers_hosts = remembers_hosts and self.policy.of("host_email") is HASH
        self._hashed = lru_cache(_CACHED)(self._hash)
        self._erasures: tuple[bytes | None, Erasures] = (None, Erasures((), None))

    @cached_property
    def pseudonyms(self) -> Pseudonyms:
        """Raises SettingsError when the key is not the one with which the folder was written."""
        return pseudonyms_of(self._state, self._files, self._key)

    def treated(self, column: str, text: str) -> str | None:
        """What is stored of a value of a column; None when nothing is.

        Of an address that is dropped, `@` and the domain are returned.
        """
        treatment, kind = self.policy.of(column), personal_columns().get(column)
        if treatment is KEEP:
            return text
        if treatment is DROP:
            return text[text.rindex("@") :] if kind == ADDRESS and "@" in text else None
        pseudonym = self._hashed(kind, text)
        if column == "host_email" and self.remembers_hosts:
            self.hosts.note(pseudonym, text)
        return pseudonym

    def _hash(self, kind: str | None, text: str) -> str:
        if kind == NAME:
            return self.pseudonyms.name(text)
        if kind == ADDRESS:
            return self.pseudonyms.address(text)
        return self.pseudonyms.identifier(text)

    @property
    def erasures(self) -> Erasures:
        """The erasures as they are now: another process may add one at any time."""
        content = self._state.get(ERASURES)
        if content != self._erasures[0]:
            erasures = parse_erasures(self._state, content)
            self._erasures = (content, Erasures(erasures, self.pseudonyms if erasures else None))
        return self._erasures[1]
