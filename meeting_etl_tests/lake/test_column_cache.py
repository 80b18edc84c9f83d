import pyarrow as pa

from meeting_etl.lake.column_cache import ColumnCache


def columns(rows: int) -> pa.Table:
    return pa.table({"number": pa.array(range(rows), pa.int64())})


def test_what_was_used_longest_ago_goes_when_there_is_too_much() -> None:
    cache = ColumnCache(most_bytes=240)
    keys = [(name, ("number",)) for name in "abc"]
    for key in keys[:2]:
        cache.put(key, columns(10))  # 80 bytes
    assert cache.get(keys[0]) == columns(10)
    cache.put(keys[2], columns(20))
    assert [cache.get(key) is not None for key in keys] == [True, False, True]
    cache.put(("d", ("number",)), columns(31))
    assert [cache.get(key) is not None for key in keys] == [True, False, True]
    assert cache.get(("a", ("number", "other"))) is None
