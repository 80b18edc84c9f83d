"""Which kind of tables a storage has: Parquet files in a folder, Delta tables in a bucket.

Belongs here: choosing. Does not: the kinds (parquet_tables.py, delta_tables.py).
"""

from meeting_etl.files import Files
from meeting_etl.lake.parquet_tables import ParquetTables
from meeting_etl.lake.tables import Tables
from meeting_etl.object_storage.object_files import ObjectFiles
from meeting_etl.storage import Storage


def tables_of(storage: Storage) -> Tables:
    """The tables of a storage."""
    if isinstance(storage, ObjectFiles):
        from meeting_etl.lake.delta_tables import DeltaTables

        return DeltaTables(storage)
    return ParquetTables(on_disk(storage))


def on_disk(storage: Storage) -> Files:
    """The folder, for what needs one."""
    if not isinstance(storage, Files):
        raise TypeError(f"{storage.where('')} is not a folder.")
    return storage
