"""Reading a TOML file that a variable names.

Belongs here: what is wrong with such a file as a whole. Does not: what may stand in it
(toml_file.py, tenants.py).
"""

import tomllib
from pathlib import Path
from typing import Any

from meeting_etl.errors import SettingsError


def toml_content(variable: str, file: str) -> dict[str, Any]:
    """The content of the file. Raises SettingsError that names variable, file and reason."""
    try:
        # Some editors begin a file with a byte order mark, which TOML does not allow.
        return tomllib.loads(Path(file).read_text(encoding="utf-8-sig"))
    except OSError as error:
        reason = str(error.strerror)
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text"
    except tomllib.TOMLDecodeError as error:
        reason = str(error)
    raise SettingsError(f"{variable}: cannot read {file}: {reason}.")
