"""Where secrets come from: a variable, or a file that its owner alone may read.

Belongs here: texts like env:NAME and file:PATH. Does not: which keys of the settings file have
them (accounts.py).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from meeting_etl.errors import SettingsError


@dataclass(frozen=True)
class Secrets:
    """Reads the secrets of an account that a settings file names.

    `problems` are sentences about those that could not be read.
    """

    environ: Mapping[str, str]
    settings_file: str
    problems: list[str] = field(default_factory=list)

    def read(self, source: str, section: str, key: str) -> str | None:
        """The secret; None with a new problem when it cannot be read. `section` is in brackets.

        Raises SettingsError, which never has the secret in it, for a text that is no such source.
        """
        kind, _, place = source.partition(":")
        setting = f"{self.settings_file}: {section} {key}"
        if kind == "env" and place:
            if not self.environ.get(place):
                self.problems.append(f"{setting}: the variable {place} is not set.")
            return self.environ.get(place) or None
        if kind == "file" and place:
            try:
                return _from_file(Path(self.settings_file).absolute().parent / place, setting)
            except SettingsError as error:
                self.problems.append(str(error))
                return None
        raise SettingsError(
            f"{setting} must be 'env:NAME' or 'file:PATH', which say where the secret is: secrets "
            "do not belong into this file."
        )


def name_of(source: str, section: str, key: str) -> str:
    """What messages call the secret: where it is, and the setting that says so."""
    return f"{source.partition(':')[2]} ({section} {key})"


def _from_file(path: Path, setting: str) -> str:
    try:
        with path.open(encoding="utf-8-sig") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise SettingsError(f"{setting}: others may read {path}; run `chmod 600 {path}`.")
            secret = file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text"
        raise SettingsError(f"{setting}: cannot read {path}: {reason}.") from None
    if not secret:
        raise SettingsError(f"{setting}: {path} is empty.")
    return secret
