"""pyarrow kept from importing pandas, which takes longer than all else that `status` does.

Belongs here: that alone. pyarrow imports pandas to recognize its objects; no command has any.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec


class _Finder:
    """Finds no pandas."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """None leaves any other module to the finders behind this one."""
        if name == "pandas":
            raise ModuleNotFoundError("pandas is not used here", name=name)
        return None


@contextmanager
def without_pandas() -> Iterator[None]:
    """Let imports of pandas fail; pyarrow then continues without it."""
    sys.meta_path.insert(0, _Finder)
    try:
        yield
    finally:
        sys.meta_path.remove(_Finder)
