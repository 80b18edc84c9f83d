"""What is known of a person: names and ids in the rows that have the address.

Belongs here: gathering it from all days. Does not: what an erasure remembers of it
(privacy/erasures.py), erasing (erase.py).
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace

import pyarrow as pa

from meeting_etl.lake.erased_rows import PERSONS, who_is_erased
from meeting_etl.lake.lake import Lake
from meeting_etl.lake.partitions import partition_values
from meeting_etl.lake.text_columns import texts_of
from meeting_etl.privacy.erasures import (
    Erasure,
    Erasures,
    Subject,
    digest_in_meeting,
    is_erased,
    name_digests,
)
from meeting_etl.privacy.mentions import words_of
from meeting_etl.privacy.pseudonyms import Pseudonyms, is_replaced
from meeting_etl.schemas import (
    INVITEES,
    PARTICIPANTS,
    SPEAKER_METRICS,
    TABLES,
    WEBHOOK_EVENTS,
    Table,
)

Progress = Callable[[str, int, int], None]
_IDS = ("hostUserId", "hostPersonId")


@dataclass
class Traces:
    """Names, each with the meetings in which it occurs, and ids, in clear or as pseudonyms.

    `keys` are ids of participants and invitees with their meetings, `meetings` all with the person.
    `has_others`: somebody else has an address of the same domain.
    """

    names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    identifiers: set[str] = field(default_factory=set)
    keys: set[tuple[str, str]] = field(default_factory=set)
    meetings: set[str] = field(default_factory=set)
    has_others: bool = False


def traces_of(
    lake: Lake, address: str, names: Iterable[str], progress: Progress = lambda *_: None
) -> Traces:
    """What is known of the person with this address. `names` are known besides."""
    pseudonyms = lake.privacy.pseudonyms
    digest = pseudonyms.address_digest(address)
    probe = Erasures((Erasure(0, Subject.PERSON, digest, (digest,)),), pseudonyms)
    traces = Traces()
    tables = [
        table for table in TABLES.values() if table.name in PERSONS or table is WEBHOOK_EVENTS
    ]
    for number, table in enumerate(tables):
        progress("look for names and ids", number, len(tables))
        for partition in partition_values(table, lake.partitions(table)):
            if table is WEBHOOK_EVENTS:
                bodies = lake.read(table, partition, columns=["meeting_id", "body"])
                _add_bodies(traces, bodies, probe, address)
            elif table is not SPEAKER_METRICS:
                _add_rows(
                    traces, lake.read(table, partition, columns=_columns(table)), table, probe
                )
                traces.has_others |= _has_others(lake, table, partition, address)
    for name in names:
        traces.names[name].update(traces.meetings)
    return traces


def erasure_of(
    number: int, address: str, traces: Traces, pseudonyms: Pseudonyms, *, removes_rows: bool
) -> Erasure:
    """What is remembered of a person with these traces."""
    digest = pseudonyms.address_digest(address)
    whole: list[str] = []
    words: list[tuple[str, ...]] = []
    in_meetings: list[str] = []
    for name, meetings in traces.names.items():
        found = name_digests(pseudonyms, name, meetings)
        whole += found[0]
        words += found[1]
        in_meetings += found[2]
    return Erasure(
        number,
        Subject.PERSON,
        digest,
        addresses=(digest,),
        identifiers=tuple(
            sorted(
                {
                    *map(pseudonyms.identifier_digest, traces.identifiers),
                    *(digest_in_meeting(pseudonyms, *key) for key in traces.keys),
                }
            )
        ),
        names=tuple(sorted(set(whole))),
        words=tuple(sorted(set(words))),
        names_in_meetings=tuple(sorted(set(in_meetings))),
        keeps_domain=traces.has_others,
        removes_rows=removes_rows,
    )


def with_ids_of_guests(erasure: Erasure, lake: Lake) -> Erasure:
    """The erasure with the ids of rows that have the person's name and no address."""
    pseudonyms, found = lake.privacy.pseudonyms, set(erasure.identifiers)
    erasures = Erasures((erasure,), pseudonyms)
    for table in (PARTICIPANTS, INVITEES):
        (person,) = (each for each in PERSONS[table.name] if each.key)
        for partition in partition_values(table, lake.partitions(table)):
            rows = lake.read(table, partition, columns=_columns(table))
            who = who_is_erased(rows, person, erasures)
            columns = (texts_of(rows, person.key), texts_of(rows, "meeting_id"))
            for key, meeting, each in zip(*columns, who, strict=True):
                if each and key and meeting and not is_erased(key):
                    found.add(digest_in_meeting(pseudonyms, key, meeting))
    return replace(erasure, identifiers=tuple(sorted(found)))


def _columns(table: Table) -> list[str]:
    persons = PERSONS[table.name]
    wanted = {name for person in persons for name in (*person.columns, person.key)} | {"meeting_id"}
    return [name for name in table.schema.names if name in wanted]


def _add_rows(traces: Traces, rows: pa.Table, table: Table, probe: Erasures) -> None:
    meetings = texts_of(rows, "meeting_id")
    for person in PERSONS[table.name]:
        names = (person.name, person.identifier, person.key)
        columns = [texts_of(rows, name) for name in names]
        found = who_is_erased(rows, person, probe)
        for erasure, meeting, name, identifier, key in zip(found, meetings, *columns, strict=True):
            if erasure is not None:
                _add(traces, name, identifier, meeting)
                if key and meeting and not is_erased(key):
                    traces.keys.add((key, meeting))


def _add(traces: Traces, name: str | None, identifier: str | None, meeting: str | None) -> None:
    traces.meetings.update(filter(None, (meeting,)))
    if name and name.strip() and not is_erased(name):
        traces.names[name].update(filter(None, (meeting,)))
    if identifier and not is_erased(identifier):
        traces.identifiers.add(identifier)


def _add_bodies(traces: Traces, rows: pa.Table, probe: Erasures, address: str) -> None:
    """Names and ids of the host in events, which may be of meetings that have no row."""
    for body, meeting in zip(texts_of(rows, "body"), texts_of(rows, "meeting_id"), strict=True):
        data = json.loads(body or "{}").get("data")
        host = data.get("hostEmail") if isinstance(data, dict) else None
        if isinstance(host, str) and probe.of_address(host):
            for name in _IDS:
                _add(traces, None, _text(data.get(name)), meeting)
            _add(traces, _text(data.get("hostDisplayName")), None, meeting)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _has_others(lake: Lake, table: Table, partition: object, address: str) -> bool:
    """Whether the partition has another address with the same domain."""
    at, domain = address.rpartition("@")[1:]
    pseudonyms = lake.privacy.pseudonyms
    own = pseudonyms.address_digest(address)
    for person in PERSONS[table.name] if at else ():
        if not person.address:
            continue
        rows = lake.read(table, partition, columns=[person.address])  # type: ignore[arg-type]
        for text in rows[person.address].unique().to_pylist():
            same_domain = text and text.rpartition("@")[2].strip().lower() == domain.strip().lower()
            if same_domain and not is_erased(text) and pseudonyms.address_digest(text) != own:
                return True
    return False


def searched_names(clear: Collection[str], erasure: Erasure, lake: Lake) -> list[str]:
    """The names that are looked for in texts: those of at least two words."""
    digest = lake.privacy.pseudonyms.identifier_digest
    names = {text for text in clear if digest(text) not in erasure.identifiers}
    return sorted(
        name
        for name in names
        if len(words_of(name)) > 1 and "@" not in name and not is_replaced(name)
    )
