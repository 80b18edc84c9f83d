"""The type of the fixture `command`: arguments to exit status, stdout and stderr."""

from collections.abc import Callable

Command = Callable[..., tuple[int | str | None, str, str]]
