"""class KnownLogs: what ingested_logs says of each log.

Belongs here: reading that table by columns, as after years it has thousands of rows of which an
ingest needs few. Does not: writing it (ingest.py), finding logs again (webhooks/sightings.py).
"""

from collections.abc import Collection
from itertools import starmap
from typing import Any

import pyarrow.compute as pc

from meeting_etl.lake.merging import has
from meeting_etl.lake.store import Lake
from meeting_etl.schemas import INGESTED_LOGS
from meeting_etl.webhooks.logs import KnownLog

_PLAIN = ("log_id", "log_file", "bytes_consumed", "lines", "size", "mtime")


class KnownLogs:
    """The table as it is now. Raises StorageError when it cannot be read."""

    def __init__(self, lake: Lake) -> None:
        self._table = lake.read(INGESTED_LOGS)

    def identities(self) -> list[KnownLog]:
        """Every log, as far as recognising it needs."""
        columns = [self._table[name].to_pylist() for name in _PLAIN]
        columns += [
            pc.struct_field(self._table["digests"], name).to_pylist() for name in ("head", "tail")
        ]
        return list(starmap(KnownLog, zip(*columns, strict=True)))

    def is_empty(self) -> bool:
        """Whether no log was read yet, or what was known of them is lost."""
        return not self._table.num_rows

    def consumed(self) -> dict[str, int]:
        """By log id how many bytes of each log are committed."""
        columns = (self._table[name].to_pylist() for name in ("log_id", "bytes_consumed"))
        return dict(zip(*columns, strict=True))

    def rows(self, log_ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """The whole rows of some logs by log id; none of a log that is new."""
        some = self._table.filter(has(self._table["log_id"], log_ids))
        return {row["log_id"]: row for row in some.to_pylist()}
