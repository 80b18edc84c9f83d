"""shortest(): a 32-bit float as people write it.

Belongs here: that alone. Does not: the other values of an answer (cli/formats.py).
"""

from struct import pack
from typing import Any


def shortest(value: Any, kind: Any) -> Any:
    """A value of DuckDB, in which a FLOAT is the shortest number that rounds to it: 0.1.

    `kind` is its type, such as FLOAT[], as DuckDB describes a column.
    """
    if value is None:
        return None
    if kind.id == "float":
        shorter = (float(f"{value:.{digits}g}") for digits in range(6, 9))
        packed = pack("f", value)
        return next((number for number in shorter if pack("f", number) == packed), value)
    if kind.id in ("list", "array"):
        return [shortest(item, kind.children[0][1]) for item in value]
    if kind.id == "struct":
        return {name: shortest(value[name], inner) for name, inner in kind.children}
    return value
