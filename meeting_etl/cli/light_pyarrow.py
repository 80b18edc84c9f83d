"""pyarrow without pandas and numpy, whose imports take longer than all else that `status` does.

Belongs here: that alone. pyarrow works without both; it imports them to recognize their objects,
of which no command has any.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec


class _Finder:
    """Finds neither."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """None leaves any other module to the finders behind this one."""
        if name in ("numpy", "pandas"):
            raise ModuleNotFoundError(f"{name} is not used here", name=name)
        return None


@contextmanager
def light_pyarrow() -> Iterator[None]:
    """Let imports of both fail; pyarrow then continues without them."""
    sys.meta_path.insert(0, _Finder)
    try:
        yield
    finally:
        sys.meta_path.remove(_Finder)
