"""What is kept of columns, and for how long."""

import pyarrow as pa

from meeting_etl.lake.column_cache import ColumnCache

SCHEMA = pa.schema({"number": pa.int64()})


def columns(rows: int) -> pa.Table:
    return pa.table({"number": pa.array(range(rows), pa.int64())})


def test_what_was_used_longest_ago_goes_when_there_is_too_much() -> None:
    cache = ColumnCache(most_bytes=240)
    keys = [(name, ("number",)) for name in "abc"]
    for key in keys[:2]:
        cache.put(key, columns(10))  # 80 bytes
    assert cache.get(keys[0], SCHEMA) == columns(10)
    cache.put(keys[2], columns(20))
    assert [cache.get(key, SCHEMA) is not None for key in keys] == [True, False, True]
    cache.put(("d", ("number",)), columns(31))
    assert [cache.get(key, SCHEMA) is not None for key in keys] == [True, False, True]
    assert cache.get(("a", ("number", "other")), SCHEMA) is None


def test_long_values_that_come_again_and_again_take_little() -> None:
    schema = pa.schema({"meeting_id": pa.string(), "key": pa.string()})
    rows = 1_000
    ids = [f"{'m' * 60}{number % 10}" for number in range(rows)]
    table = pa.table({"meeting_id": ids, "key": [str(n) for n in range(rows)]}, schema=schema)
    cache, key = ColumnCache(most_bytes=table.nbytes // 3), ("a", tuple(schema.names))
    cache.put(key, table)
    assert cache.get(key, schema) == table
