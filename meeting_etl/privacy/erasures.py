"""Erasures: the persons and meetings that were erased, as keyed hashes, so that none comes back.

Belongs here: what is remembered, the value in the state that has it, and whether a value is one of
an erased person or meeting. Does not: finding what is known of a person, rewriting what is stored
(pipeline/erase/), blanking mentions in texts (mentions.py).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from meeting_etl.errors import StorageError
from meeting_etl.privacy.mentions import Mentions, words_of
from meeting_etl.privacy.pseudonyms import ERASED, Pseudonyms, is_replaced
from meeting_etl.state import State

ERASURES = "erasures"


class Subject(StrEnum):
    """What was erased."""

    PERSON = "person"
    MEETING = "meeting"


@dataclass(frozen=True)
class Erasure:
    """One person or meeting; `number` is the n of `erased:<n>`.

    `digest` is that of the address or meeting id that was given. `addresses`, `identifiers` and
    `names` are digests of what is known of a person, `words` those of the words of each name of two
    words and more. Names of one word (`names_in_meetings`) and ids of participants and invitees
    count in a meeting only, whose id is in their digest. `meetings`: digests of the ids of meetings
    with the person, where no row says so any more. Without `keeps_domain` nobody else has the
    person's domain. `planned`: what is changed and removed, by kind and place
    (`rows/<table>/<day>`, `files/<day>`, `logs/`), written before it is, so that a kill loses no
    count.
    """

    number: int
    subject: Subject
    digest: str
    addresses: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    words: tuple[tuple[str, ...], ...] = ()
    names_in_meetings: tuple[str, ...] = ()
    meetings: tuple[str, ...] = ()
    keeps_domain: bool = True
    removes_rows: bool = False
    began_at: str = ""
    finished_at: str | None = None
    run_id: str | None = None
    planned: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """What stands in the place of the person."""
        return f"{ERASED}{self.number}"

    def count(self, kind: str) -> tuple[int, int]:
        """How many `rows`, `files` or lines of `logs` were changed and removed."""
        counts = [self.planned[key] for key in self.planned if key.startswith(f"{kind}/")]
        return sum(changed for changed, _ in counts), sum(removed for _, removed in counts)

    def planning(self, key: str, changed: int, removed: int) -> "Erasure":
        """With what is to be done at a place; what a killed erasure planned there includes it."""
        before = self.planned.get(key, (0, 0))
        counts = (max(before[0], changed), max(before[1], removed))
        return replace(self, planned={**self.planned, key: counts}) if any(counts) else self

    def finished(self, at: str) -> "Erasure":
        """Done, with sums of what was planned: the state is read with each write."""
        sums = {f"{kind}/": self.count(kind) for kind in ("rows", "files", "logs")}
        return replace(self, finished_at=at, planned=sums)


class Erasures:
    """All erasures of a data folder, as they were when they were read."""

    def __init__(self, erasures: tuple[Erasure, ...], pseudonyms: Pseudonyms | None) -> None:
        self.all = erasures
        self._pseudonyms = pseudonyms
        persons = [erasure for erasure in erasures if erasure.subject is Subject.PERSON]
        self.has_persons = bool(persons)
        self._of_address = {digest: person for person in persons for digest in person.addresses}
        self._of_identifier = {
            digest: person for person in persons for digest in person.identifiers
        }
        self._of_name = {digest: person for person in persons for digest in person.names}
        self._of_name_in_meeting = {
            digest: person for person in persons for digest in person.names_in_meetings
        }
        meetings = [erasure for erasure in erasures if erasure.subject is Subject.MEETING]
        self._persons = persons
        self._of_meeting = {meeting.digest: meeting for meeting in meetings}
        self.removes_rows = any(person.removes_rows for person in persons)
        self._with_person = frozenset(digest for person in persons for digest in person.meetings)

    def of_address(self, address: str) -> Erasure | None:
        """The erased person with this address, which may be a pseudonym."""
        if not self._of_address or not address:
            return None
        return self._of_address.get(self._hashing.address_digest(address))

    def of_identifier(self, identifier: str, meeting_id: str | None = None) -> Erasure | None:
        """The erased person with this id, which may be a pseudonym, or with it in that meeting."""
        if not self._of_identifier or not identifier:
            return None
        digest = self._hashing.identifier_digest(identifier)
        found = self._of_identifier.get(digest)
        if found is None and meeting_id:
            found = self._of_identifier.get(self._hashing.in_meeting(meeting_id, digest))
        return found

    def of_name(self, name: str, meeting_id: str | None) -> Erasure | None:
        """The erased person with this name: of two words or more, or in that meeting."""
        if not (self._of_name or self._of_name_in_meeting) or not name or is_erased(name):
            return None
        digest = self._hashing.name_digest(name)
        found = self._of_name.get(digest)
        if found is None and meeting_id and self._of_name_in_meeting:
            found = self._of_name_in_meeting.get(self._hashing.in_meeting(meeting_id, digest))
        return found

    def of_meeting(self, meeting_id: str | None) -> Erasure | None:
        """The erasure of this meeting."""
        if not self._of_meeting or not meeting_id:
            return None
        return self._of_meeting.get(self._hashing.identifier_digest(meeting_id))

    def had_person(self, meeting_id: str) -> bool:
        """Whether an erased person was in this meeting, whose rows were removed."""
        if not self._with_person:
            return False
        return self._hashing.identifier_digest(meeting_id) in self._with_person

    @property
    def has_meetings(self) -> bool:
        """Whether any meeting was erased."""
        return bool(self._of_meeting)

    def replacement_of_id(self, erasure: Erasure, identifier: str) -> str:
        """What stands in the place of an id that is part of a key: it stays unique."""
        if is_replaced(identifier):
            return identifier
        return f"{erasure.label}:{self._hashing.identifier_digest(identifier)[:16]}"

    @cached_property
    def mentions(self) -> Mentions:
        """What is blanked in free text."""
        return Mentions(
            self._hashing,
            [words for person in self._persons for words in person.words],
            frozenset(digest for person in self._persons for digest in person.addresses),
        )

    @property
    def _hashing(self) -> Pseudonyms:
        if self._pseudonyms is None:
            raise StorageError("Erasures need the key of pseudonyms.")
        return self._pseudonyms


def digest_in_meeting(pseudonyms: Pseudonyms, identifier: str, meeting_id: str) -> str:
    """What is remembered of the id of a participant, which is unique within the meeting."""
    return pseudonyms.in_meeting(meeting_id, pseudonyms.identifier_digest(identifier))


def is_erased(text: str) -> bool:
    """Whether a text stands in the place of an erased person."""
    return text.startswith(ERASED) and is_replaced(text)


def name_digests(
    pseudonyms: Pseudonyms, name: str, meeting_ids: set[str]
) -> tuple[list[str], list[tuple[str, ...]], list[str]]:
    """What is remembered of a name: its digest, its words, or its digest in each meeting.

    A name of one word is that of many persons, so it counts only in meetings of the person.
    """
    digest = pseudonyms.name_digest(name)
    if is_replaced(name):  # of a pseudonym nobody knows the words
        return [digest], [], []
    words = words_of(name)
    if len(words) < 2:
        return [], [], sorted(pseudonyms.in_meeting(each, digest) for each in meeting_ids)
    hashed = tuple(map(pseudonyms.word_digest, words))
    return [digest], [hashed, hashed[::-1]], []


def store_erasure(state: State, erasure: Erasure) -> None:
    """Store a new or changed erasure durably."""
    with state.swap(ERASURES, secret=True) as value:
        stored = {each.number: each for each in parse_erasures(state, value.content)} | {
            erasure.number: erasure
        }
        value.content = json.dumps([asdict(each) for each in stored.values()]).encode()


def parse_erasures(state: State, content: bytes | None) -> tuple[Erasure, ...]:
    """All erasures, the first first. Raises StorageError when the value is damaged."""
    try:
        return tuple(_erasure(entry) for entry in json.loads(content or b"[]"))
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(
            "The value erasures in the state is damaged, so it is unknown who was erased: restore "
            f"{state.where(ERASURES)} from a backup. Nothing is written until then."
        ) from error


def _erasure(entry: dict[str, object]) -> Erasure:
    erasure = Erasure(**entry)  # type: ignore[arg-type]
    return replace(
        erasure,
        subject=Subject(erasure.subject),
        addresses=tuple(erasure.addresses),
        identifiers=tuple(erasure.identifiers),
        names=tuple(erasure.names),
        words=tuple(map(tuple, erasure.words)),
        names_in_meetings=tuple(erasure.names_in_meetings),
        meetings=tuple(erasure.meetings),
        planned={name: (counts[0], counts[1]) for name, counts in erasure.planned.items()},
    )
