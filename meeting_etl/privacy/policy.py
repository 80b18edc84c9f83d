"""class ColumnPolicy: what is stored of each personal column.

Belongs here: the treatments, the presets, and which column may have which treatment. Does not: what
is personal (schemas.py), hashing (pseudonyms.py), applying a treatment to a value (privacy.py), to
JSON (json_fields.py) or to rows (lake/written_rows.py).
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache

from meeting_etl.schemas import (
    ADDRESS,
    DERIVED,
    FIELDS,
    FREE_TEXT,
    IDENTIFIER,
    LINK_COLUMNS,
    NAME,
    TABLES,
    Column,
    Table,
)


class Treatment(StrEnum):
    """What is stored of a value: itself, its pseudonym, or nothing."""

    KEEP = "keep"
    HASH = "hash"
    DROP = "drop"


KEEP, HASH, DROP = Treatment

# Texts have no use as pseudonyms.
_NEVER_HASHED = frozenset({FREE_TEXT, FIELDS})
# By these names speakers are found among the participants, so a preset never drops them.
_MATCHED_NAMES = frozenset({"display_name", "person_name"})
# Treatments by what is personal in a column.
PRESETS: dict[str, dict[str, Treatment]] = {
    "none": {},
    "pseudonymous": {ADDRESS: HASH, NAME: HASH, IDENTIFIER: HASH, FIELDS: DROP},
    "minimal": {ADDRESS: HASH, NAME: DROP, IDENTIFIER: HASH, FREE_TEXT: DROP, FIELDS: DROP},
}


@cache
def personal_columns() -> Mapping[str, str]:
    """What is personal, by name of the column; `breakout_sessions.name` for a field of structs."""
    return {
        name: column.personal
        for table in TABLES.values()
        for name, column in _columns(table)
        if column.personal not in ("", DERIVED)
    }


def _columns(table: Table) -> Iterator[tuple[str, Column]]:
    for column in table.columns:
        yield column.name, column
        yield from ((f"{column.name}.{child.name}", child) for child in column.children)


@dataclass(frozen=True)
class ColumnPolicy:
    """Treatments by name of the column; what is not named is kept.

    `body` and `extra` with DROP lose the fields that have no column, as nobody knows what is in
    them; in all other fields they follow the columns. `stores_links` is the setting store_links.
    """

    treatments: Mapping[str, Treatment] = field(default_factory=dict)
    preset: str = "none"
    stores_links: bool = False

    def of(self, column: str) -> Treatment:
        """The treatment of a column, in whatever table."""
        if column in LINK_COLUMNS:
            return KEEP if self.stores_links else DROP
        return self.treatments.get(column, KEEP)

    def of_table(self, table: Table) -> dict[str, Treatment]:
        """The columns of a table that are not kept as they are."""
        found = {name: self.of(name) for name, _ in _columns(table)}
        return {name: treatment for name, treatment in found.items() if treatment is not KEEP}

    @property
    def hashes(self) -> bool:
        """Whether any column is hashed, which needs a key."""
        return HASH in self.treatments.values()

    @property
    def keeps_all(self) -> bool:
        """Whether all columns are kept as they are, links aside."""
        return all(treatment is KEEP for treatment in self.treatments.values())

    @property
    def description(self) -> str:
        """The policy in one line: the preset, and columns that it treats otherwise."""
        usual = policy_of(self.preset, {}).treatments
        others = [
            f"{name} = {treatment}"
            for name, treatment in sorted(self.treatments.items())
            if usual.get(name, KEEP) is not treatment
        ]
        return f"preset {self.preset}" + (f", with {', '.join(others)}" if others else "")

    def stamp(self, table: Table) -> str:
        """Names the policy in the files of a table; empty where it keeps all.

        Links have none: files that were written before store_links keep what they have.
        """
        names = {name for name, _ in _columns(table)}
        if any(column.personal == FIELDS for column in table.columns):
            names |= personal_columns().keys()  # their fields follow all columns
        if "speaker" in names:
            names |= {"email", "person_email", "person_name"}  # its key is made of these
        own = sorted(
            (name, treatment)
            for name, treatment in self.treatments.items()
            if name in names and treatment is not KEEP
        )
        text = ",".join(f"{name}={treatment}" for name, treatment in own)
        return hashlib.sha256(text.encode()).hexdigest()[:16] if text else ""


def policy_of(
    preset: str, columns: Mapping[str, str], *, stores_links: bool = False
) -> ColumnPolicy:
    """The policy of a preset, with other treatments of single columns.

    Raises ValueError, with what is allowed, for a column or treatment that is not.
    """
    kinds, by_kind = personal_columns(), PRESETS[preset]
    treatments = {}
    for name, kind in kinds.items():
        treatment = by_kind.get(kind, KEEP)
        if treatment is DROP and name in _MATCHED_NAMES:
            treatment = HASH
        treatments[name] = treatment
    for name, value in columns.items():
        if name not in kinds:
            raise ValueError(
                f"columns has {name!r}, which is not a personal column; these are: "
                f"{', '.join(sorted(kinds))}"
            )
        treatment = Treatment(value)
        if treatment is HASH and kinds[name] in _NEVER_HASHED:
            raise ValueError(f"columns has {name} = 'hash', but texts can only be kept or dropped")
        treatments[name] = treatment
    return ColumnPolicy(treatments, preset, stores_links)
