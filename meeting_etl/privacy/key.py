"""The key of pseudonyms and erasures: configured, or made at first use.

Belongs here: which key counts, and that it stays the same. Does not: hashing (pseudonyms.py).
"""

import json
import secrets

from meeting_etl.errors import SettingsError, StorageError
from meeting_etl.privacy.pseudonyms import Pseudonyms
from meeting_etl.state import State
from meeting_etl.storage import Storage

PRIVACY_KEY = "MEETING_ETL_PRIVACY_KEY"
_NAME = "privacy_key"
# In the lake, so that it goes with it.
_ID_FILE = "lake/privacy_key_id.txt"
_SHORTEST = 16


def checked_key(value: str | None) -> str | None:
    """The configured key.

    Raises SettingsError for one that is too short to be a secret, or is another one when it is read
    without the white space around it.
    """
    if value and value != value.strip():
        raise SettingsError(f"{PRIVACY_KEY} has white space around it: remove that.")
    if value and len(value) < _SHORTEST:
        raise SettingsError(
            f"{PRIVACY_KEY} is too short: use at least {_SHORTEST} random characters, such as "
            "those of `openssl rand -hex 32`."
        )
    return value or None


def pseudonyms_of(state: State, files: Storage | None, configured: str | None) -> Pseudonyms:
    """Pseudonyms with the configured key, else with a random one that is kept in the state.

    Raises SettingsError when it is another key than before: persons would get a second pseudonym,
    and erased ones would come back. Its id is in the state and beside the tables, as either may be
    lost.
    """
    with state.swap(_NAME, secret=True) as value:
        stored = _parse(state, value.content)
        of_lake = _id_of_lake(files)
        key = configured or stored.get("key")
        if key is None and of_lake:
            raise SettingsError(
                f"The key with which this lake was written, {of_lake}, is missing: "
                f"restore {state.where(_NAME)} or set {PRIVACY_KEY}. If there is no copy of it, "
                f"remove {_ID_FILE}: persons then get other pseudonyms than before, and those who "
                "were erased are not recognised any more."
            )
        key = key or secrets.token_hex(32)
        pseudonyms = Pseudonyms(key.encode())
        key_id = pseudonyms.identifier_digest("key")[:12]
        for expected in (stored.get("id"), of_lake):
            if expected not in (None, key_id):
                raise SettingsError(
                    f"{PRIVACY_KEY} is not the key with which this data folder was written: its "
                    f"pseudonyms and erasures need the key {expected}. Set that one"
                    + (" by removing the variable." if stored.get("key") else ".")
                )
        if not stored:
            own = {} if configured else {"key": key}
            value.content = json.dumps({"id": key_id, **own}).encode()
    if files and of_lake is None:
        files.replace_bytes(_ID_FILE, f"{key_id}\n".encode())
    return pseudonyms


def _id_of_lake(files: Storage | None) -> str | None:
    content = files.read_bytes(_ID_FILE) if files else None
    return (content or b"").decode("ascii", "replace").strip() or None


def has_key(state: State) -> bool:
    """Whether a key was ever used here."""
    return state.get(_NAME) is not None


def place_of_key(state: State, configured: str | None) -> str:
    """What has the key, or will have it."""
    return PRIVACY_KEY if configured else state.where(_NAME)


def _parse(state: State, content: bytes | None) -> dict[str, str]:
    try:
        stored = json.loads(content or b"{}")
        return {name: str(stored[name]) for name in ("id", "key") if name in stored}
    except (ValueError, TypeError) as error:
        raise StorageError(
            f"The value {_NAME} in the state is damaged, and without its key no person can be "
            f"recognised: restore {state.where(_NAME)} from a backup."
        ) from error
